// SPDX-License-Identifier: Apache-2.0
#include "io/settings/scan.h"

#include <algorithm>
#include <vector>

namespace ilnp {

namespace {

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_{text} {
    if (text.starts_with("\xef\xbb\xbf")) at_ = 3;  // a byte order mark, which the parser skips
  }

  std::optional<ScanProblem> run() {
    while (at_ < text_.size()) {
      const char* reason = step(text_[at_]);
      if (reason != nullptr) return ScanProblem{line_, static_cast<unsigned>(at_ - line_start_ + 1), reason};
    }
    return std::nullopt;
  }

 private:
  struct Bracket {
    bool is_array = false;
    bool after_equals = false;  ///< of what is around it
  };

  /// Moves on by one character, string or comment, or says what is wrong with it.
  const char* step(char c) {
    switch (c) {
      case '"':
      case '\'':
        return string(c);
      case '#':
        at_ = std::min(text_.find('\n', at_), text_.size());
        return nullptr;
      case '\n':
        new_line();
        break;
      case ' ':
      case '\t':
      case '\r':
        break;
      case '[':
      case '{':
        if (in_word_) return "a bracket in the middle of a word";
        if (open_.size() == max_brackets) return "brackets are nested too deeply";
        open_.push_back({c == '[', after_equals_});
        after_equals_ = false;
        parts_ = 1;
        break;
      case ']':
      case '}':
        if (open_.empty()) return "a closing bracket that nothing opened";
        after_equals_ = open_.back().after_equals;
        open_.pop_back();
        in_word_ = true;  // a comma or the end of the line has to follow
        break;
      case ',':
        after_equals_ = in_word_ = false;
        parts_ = 1;
        break;
      case '=':
        if (after_equals_ || (!open_.empty() && open_.back().is_array)) return "an equals sign in a value";
        after_equals_ = true;
        in_word_ = false;
        parts_ = 1;
        break;
      default:
        if (c < 0x20 || c == 0x7f) return "a character that is only allowed in strings and comments";
        if (c == '.' && ++parts_ > max_key_parts) return "a key with too many parts";
        in_word_ = true;
    }
    ++at_;
    return nullptr;
  }

  /// To behind the closing quote; a string that its line does not close is the parser's to report.
  const char* string(char quote) {
    if (in_word_) return "a quote in the middle of a word";
    if (text_.substr(at_).starts_with(quote == '"' ? "\"\"\"" : "'''")) return "multi-line strings are not used here";
    in_word_ = true;
    for (++at_; at_ < text_.size() && text_[at_] != '\n'; ++at_) {
      if (text_[at_] == quote) {
        ++at_;
        break;
      }
      if (quote == '"' && text_[at_] == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] != '\n') ++at_;
    }
    return nullptr;
  }

  void new_line() {
    ++line_;
    line_start_ = at_ + 1;
    in_word_ = false;
    parts_ = 1;
    if (open_.empty()) after_equals_ = false;
  }

  std::string_view text_;
  std::size_t at_ = 0, line_start_ = 0;
  unsigned line_ = 1;
  std::vector<Bracket> open_;
  bool after_equals_ = false;  ///< in this line or inline table, since the last comma
  bool in_word_ = false;       ///< something has begun that a quote or bracket would not belong to
  int parts_ = 1;
};

}  // namespace

std::optional<ScanProblem> scan_for_hazards(std::string_view text) { return Scanner{text}.run(); }

}  // namespace ilnp
