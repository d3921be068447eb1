// SPDX-License-Identifier: Apache-2.0
// What the option table prints.
#include <algorithm>

#include "io/settings/schema.h"
#include "io/settings/values.h"

namespace ilnp {

namespace {

struct PrintedSection {
  std::string name;
  bool repeated = false;
  std::string help;
  std::vector<const Option*> options;

  std::string header() const { return repeated ? "[[" + name + "]]" : "[" + name + "]"; }
};

std::vector<PrintedSection> sections_of(const Schema& schema) {
  std::vector<PrintedSection> out;
  for (const Option& option : schema.options()) {
    const std::string name{section_of(option.key)};
    auto section = std::find_if(out.begin(), out.end(), [&](const PrintedSection& s) { return s.name == name; });
    if (section == out.end()) {
      out.push_back({name, schema.is_repeated(name), {}, {}});
      section = out.end() - 1;
      for (const SectionHelp& help : schema.sections()) {
        if (help.section == name) section->help = help.help;
      }
    }
    section->options.push_back(&option);
  }
  return out;
}

bool is_quoted(OptionType type) { return type != OptionType::boolean && type != OptionType::integer; }

std::string quoted(const Option& option, const std::string& text) {
  if (!is_quoted(option.type)) return text;
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

/// The default as it would stand in a file; empty when there is none.
std::string written_default(const Option& option) {
  if (!option.fallback) return {};
  if (!option.list) return quoted(option, *option.fallback);
  std::string out = "[";
  for (const std::string& item : split_list(*option.fallback)) {
    out.append(out.size() > 1 ? ", " : "").append(quoted(option, item));
  }
  return out + "]";
}

std::string state_of_default(const Option& option) {
  if (option.required || option.identity) return "required";
  return option.fallback ? "default " + written_default(option) : "unset by default";
}

/// Values in an example for options without default.
std::string sample(const Option& option) {
  if (option.fallback) return written_default(option);
  std::string text;
  switch (option.type) {
    case OptionType::boolean:
      text = "false";
      break;
    case OptionType::integer:
      text = option.range.empty() ? "0" : option.range.substr(0, option.range.find(".."));
      break;
    case OptionType::duration:
      text = option.range.empty() ? "30s" : option.range.substr(0, option.range.find(".."));
      break;
    case OptionType::string:
      text = option.choices.empty() ? "..." : option.choices.front();
      break;
    case OptionType::path:
      text = "/etc/ilnp/...";
      break;
    case OptionType::address:
      text = "2001:db8::1";
      break;
    case OptionType::prefix:
      text = "2001:db8::/64";
      break;
    case OptionType::locator:
      text = "2001-0db8-0001-0002";
      break;
    case OptionType::nid:
      text = "0200+00ff+fe00+1234";
      break;
    case OptionType::ip_address:
      text = "192.0.2.1";
      break;
    case OptionType::ip_prefix:
    case OptionType::eid_prefix:
      text = "2001:db8::/32";
      break;
    case OptionType::endpoint:
      text = "[2001:db8::53]:" + std::to_string(option.default_port != 0 ? option.default_port : 53);
      break;
  }
  return option.list ? "[" + quoted(option, text) + "]" : quoted(option, text);
}

/// Words of `text` in lines of at most `width`, each line with `indent` in front.
std::string wrapped(std::string_view text, const std::string& indent, std::size_t width) {
  std::string out, line;
  const auto end_line = [&] {
    if (!line.empty()) out += indent + line + "\n";
    line.clear();
  };
  while (!text.empty()) {
    const std::size_t blank = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, blank);
    if (!line.empty() && indent.size() + line.size() + 1 + word.size() > width) end_line();
    if (!line.empty()) line += ' ';
    line += word;
    text.remove_prefix(std::min(blank + 1, text.size()));
  }
  end_line();
  return out;
}

std::string cell(std::string text) {
  for (std::size_t at = text.find('|'); at != std::string::npos; at = text.find('|', at + 2)) text.insert(at, "\\");
  return text;
}

}  // namespace

std::string describe_type(const Option& option) {
  std::string out = option.list ? "list of " : "";
  if (option.choices.empty()) {
    out += type_name(option.type);
  } else {
    for (std::size_t i = 0; i < option.choices.size(); ++i) out += (i == 0 ? "\"" : ", \"") + option.choices[i] + "\"";
  }
  if (!option.range.empty()) out += ", " + option.range;
  if (option.default_port != 0) out += " (port " + std::to_string(option.default_port) + " unless written)";
  return out;
}

std::string option_help(const Schema& schema) {
  std::string out;
  for (const PrintedSection& section : sections_of(schema)) {
    if (!section.name.empty()) out += section.header() + "\n";
    if (!section.help.empty()) out += wrapped(section.help, "  ", 100);
    for (const Option* option : section.options) {
      out += "  " + std::string{name_of(option->key)} + "  (" + describe_type(*option) + "; " +
             state_of_default(*option) + (option->reloadable ? "; reloadable" : "") + ")\n";
      out += wrapped(option->help, "      ", 100);
    }
    out += "\n";
  }
  return out;
}

std::string markdown_reference(const Schema& schema) {
  std::string out = "# Options of " + schema.program() +
                    "\n\n"
                    "Generated from the program's option table: do not edit. `Reload` says whether a change takes "
                    "effect on reload\n(`systemctl reload`, `ilnpctl reload`) or only at the next start.\n";
  for (const PrintedSection& section : sections_of(schema)) {
    out += "\n## " + (section.name.empty() ? std::string{"Top level"} : "`" + section.header() + "`") + "\n\n";
    if (!section.help.empty()) out += wrapped(section.help, "", 120) + "\n";
    out += "| Option | Values | Default | Reload | Meaning |\n|---|---|---|---|---|\n";
    for (const Option* option : section.options) {
      const std::string fallback = written_default(*option);
      out += "| `" + std::string{name_of(option->key)} + "` | " + cell(describe_type(*option)) + " | " +
             (option->required || option->identity ? "required"
              : fallback.empty()                   ? "unset"
                                                   : "`" + cell(fallback) + "`") +
             " | " + (option->reloadable ? "yes" : "no") + " | " + cell(option->help) + " |\n";
    }
  }
  return out;
}

std::string example_file(const Schema& schema) {
  std::string out = "# Example settings of " + schema.program() +
                    ": every option with its default. Lines that start with \"#\" and a name\n"
                    "# change nothing until the \"#\" is removed.\n";
  for (const PrintedSection& section : sections_of(schema)) {
    out += "\n";
    if (!section.help.empty()) out += wrapped(section.help, "# ", 110);
    if (!section.name.empty()) out += (section.repeated ? "#" : "") + section.header() + "\n";
    for (const Option* option : section.options) {
      out += "\n" +
             wrapped(option->help + " (" + describe_type(*option) + "; " + state_of_default(*option) + ")", "# ", 110);
      out += "#" + std::string{name_of(option->key)} + " = " + sample(*option) + "\n";
    }
  }
  return out;
}

}  // namespace ilnp
