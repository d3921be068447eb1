// SPDX-License-Identifier: Apache-2.0
#include "io/truth/truth_settings.h"

namespace ilnp {
namespace {

constexpr const char* store_file = "truth.db";

}  // namespace

std::vector<Option> truth_option_rows(const std::string& copy) {
  using enum OptionType;
  return {
      {.key = "truth.store",
       .type = string,
       .help = "file: SQLite, for one site. etcd: shared by several.",
       .fallback = "file",
       .choices = {"file", "etcd"}},
      {.key = "truth.path",
       .type = path,
       .help =
           "The SQLite file; with etcd the local copy, from which the daemon starts while the store is out of reach. "
           "Unset: " +
           std::string{store_file} + (copy == store_file ? "" : ", with etcd " + copy) + " in state.directory."},
      {.key = "truth.endpoints",
       .type = string,
       .help = "Members of the etcd cluster: https://host:port.",
       .list = true},
      {.key = "truth.prefix", .type = string, .help = "Keys in etcd begin with this.", .fallback = "/ilnp/"},
      {.key = "truth.ca_file", .type = path, .help = "Who signs the certificates of the members (PEM)."},
      {.key = "truth.certificate_file", .type = path, .help = "Our client certificate (PEM)."},
      {.key = "truth.key_file", .type = path, .help = "Its key (PEM, mode 0600)."},
      {.key = "truth.allow_plain",
       .type = boolean,
       .help = "Allow http:// to members that are not on this machine.",
       .fallback = "false"},
      {.key = "truth.timeout",
       .type = duration,
       .help = "Of each question and change.",
       .fallback = "2s",
       .range = "10ms..60s"},
  };
}

TruthOptions read_truth(const Configuration& configuration, std::vector<Problem>& problems, const std::string& copy) {
  const Section& truth = configuration.section("truth");
  const auto complain = [&](const char* option, const char* named, std::string reason) {
    problems.push_back({truth.place(option), named, std::move(reason)});
  };
  const auto file = [&](const char* option) { return truth.has(option) ? truth.text(option) : std::string{}; };
  TruthOptions out;
  out.store = truth.text("store") == "etcd" ? StoreKind::etcd : StoreKind::file;
  const std::string name = out.store == StoreKind::etcd ? copy : store_file;
  out.path = truth.has("path") ? truth.text("path") : configuration.section("state").text("directory") + "/" + name;
  out.etcd.endpoints = truth.list<std::string>("endpoints");
  out.etcd.allow_plain = truth.boolean("allow_plain");
  out.etcd.prefix = truth.text("prefix");
  out.etcd.tls.ca = file("ca_file");
  out.etcd.tls.certificate = file("certificate_file");
  out.etcd.tls.key = file("key_file");
  out.etcd.timeout = truth.duration("timeout");
  if (out.store == StoreKind::etcd && out.etcd.endpoints.empty())
    complain("store", "truth.endpoints", "needed with truth.store \"etcd\"");
  if (out.etcd.prefix.empty()) complain("prefix", "truth.prefix", "empty");
  if (out.etcd.tls.certificate.empty() != out.etcd.tls.key.empty())
    complain("certificate_file", "truth.certificate_file", "goes with truth.key_file");
  if (!out.etcd.tls.certificate.empty() && out.etcd.tls.ca.empty())
    complain("certificate_file", "truth.ca_file", "needed with truth.certificate_file");
  return out;
}

}  // namespace ilnp
