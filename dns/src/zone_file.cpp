// SPDX-License-Identifier: Apache-2.0
// ldns reads record by record and tells the line; the text of those lines is looked at as well, because some mistakes
// are gone once it is octets: groups without leading zeros (which Knot's knsupdate refuses), preferences beyond 65535
// (which ldns and NSD accept).
#include "dns/src/zone_source.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>

#include "io/resolver/ldns.h"

namespace ilnp {
namespace {

using Severity = ZoneFinding::Severity;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
struct FreeRecord {
  void operator()(ldns_rr* rr) const { ldns_rr_free(rr); }
};
struct FreeRdf {
  void operator()(ldns_rdf* rdf) const { ldns_rdf_deep_free(rdf); }
};
using Rdf = std::unique_ptr<ldns_rdf, FreeRdf>;

Bytes octets_of(const ldns_rdf* rdf) { return {ldns_rdf_data(rdf), ldns_rdf_size(rdf)}; }

class FileReader {
 public:
  explicit FileReader(std::string path) : path_{std::move(path)} {}

  Result<LoadedZone> read(const std::string& origin) {
    file_.reset(std::fopen(path_.c_str(), "re"));
    std::ifstream text{path_};
    if (!file_ || !text) return error(path_ + ": " + std::strerror(errno));
    for (std::string line; std::getline(text, line);) lines_.push_back(line);
    zone_.lines = lines_.size();
    if (!origin.empty()) {
      const auto name = DnsName::from_text(origin);
      if (!name) return error("--origin '" + origin + "' is not a domain name");
      origin_.reset(ldns_dname_new_frm_str(name->text().c_str()));
      zone_.origin = *name;
    }
    while (std::feof(file_.get()) == 0) read_one();
    if (!have_soa_ && origin.empty()) return error(path_ + ": no SOA record and no --origin: which zone is it?");
    return std::move(zone_);
  }

 private:
  std::string where(int line) const { return path_ + ":" + std::to_string(line); }

  void read_one() {
    ldns_rr* raw = nullptr;
    ldns_rdf* origin = origin_.release();
    ldns_rdf* previous = previous_.release();
    const int from = line_;
    const ldns_status status = ldns_rr_new_frm_fp_l(&raw, file_.get(), &ttl_, &origin, &previous, &line_);
    origin_.reset(origin);
    previous_.reset(previous);
    const std::unique_ptr<ldns_rr, FreeRecord> rr{raw};
    const int line = first_line_of_text(from);
    switch (status) {
      case LDNS_STATUS_OK:
        take(*rr, line);
        break;
      case LDNS_STATUS_SYNTAX_EMPTY:
      case LDNS_STATUS_SYNTAX_TTL:
      case LDNS_STATUS_SYNTAX_ORIGIN:
        break;
      case LDNS_STATUS_SYNTAX_INCLUDE:
        zone_.findings.push_back({Severity::warning, where(line), "$INCLUDE is not followed: check that file too"});
        break;
      default:
        zone_.findings.push_back({Severity::error, where(line), ldns_get_errorstr_by_id(status)});
        break;
    }
  }

  /// The line of the record that was read from the lines after `from`.
  int first_line_of_text(int from) const {
    for (int line = from; line < line_ && line < static_cast<int>(lines_.size()); ++line) {
      const std::string& text = lines_[static_cast<std::size_t>(line)];
      const auto start = text.find_first_not_of(" \t\r");
      if (start != std::string::npos && text[start] != ';') return line + 1;
    }
    return std::max(1, line_);
  }

  void take(const ldns_rr& rr, int line) {
    const auto owner = DnsName::from_wire(octets_of(ldns_rr_owner(&rr)));
    if (!owner) return;
    ZoneRecord record{
        *owner, static_cast<std::uint16_t>(ldns_rr_get_type(&rr)), effective_ttl(ldns_rr_ttl(&rr)), {}, where(line)};
    for (std::size_t i = 0; i < ldns_rr_rd_count(&rr); ++i) {
      const Bytes octets = octets_of(ldns_rr_rdf(&rr, i));
      record.rdata.insert(record.rdata.end(), octets.begin(), octets.end());
    }
    if (record.type == dns::type_soa && !have_soa_) {
      zone_.origin = *owner;
      have_soa_ = true;
    }
    check_text(record, line);
    zone_.records.push_back(std::move(record));
  }

  /// The words of the record that starts at `line`, without comments and parentheses.
  std::vector<std::string> words_from(int line) const {
    std::vector<std::string> words;
    for (int i = line - 1; i < std::max(line, line_) && i < static_cast<int>(lines_.size()); ++i) {
      std::string text = lines_[static_cast<std::size_t>(i)];
      text.resize(std::min(text.find(';'), text.size()));
      std::replace_if(
          text.begin(), text.end(), [](char c) { return c == '(' || c == ')'; }, ' ');
      std::istringstream in{text};
      for (std::string word; in >> word;) words.push_back(word);
    }
    return words;
  }

  void check_text(const ZoneRecord& record, int line) {
    const bool ours = record.type == dns::type_nid || record.type == dns::type_l64 || record.type == dns::type_lp ||
                      record.type == dns::type_l32;
    if (!ours) return;
    const std::string type = dns_type_text(record.type);
    const auto words = words_from(line);
    const auto is_type = [&](std::string word) {
      std::transform(word.begin(), word.end(), word.begin(),
                     [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
      return word == type;
    };
    const auto at = std::find_if(words.begin(), words.end(), is_type);
    if (words.end() - at < 3) return;
    const std::string& preference = *(at + 1);
    const std::string& value = *(at + 2);
    const std::string prefix = record.owner.text() + " " + type + ": ";
    if (preference.size() > 5 || std::strtoul(preference.c_str(), nullptr, 10) > 65535) {
      zone_.findings.push_back(
          {Severity::error, where(line), prefix + "preference " + preference + " is more than 65535"});
    }
    if (record.type != dns::type_nid && record.type != dns::type_l64) return;
    if (value.size() != 19) {
      zone_.findings.push_back(
          {Severity::warning, where(line),
           prefix + value + " is better written with four digits a group: some tools refuse less"});
    }
  }

  std::string path_;
  std::unique_ptr<std::FILE, CloseFile> file_;
  std::vector<std::string> lines_;
  Rdf origin_, previous_;
  std::uint32_t ttl_ = 3600;
  int line_ = 0;
  bool have_soa_ = false;
  LoadedZone zone_;
};

}  // namespace

Result<LoadedZone> read_zone_file(const std::string& path, const std::string& origin) {
  return FileReader{path}.read(origin);
}

}  // namespace ilnp
