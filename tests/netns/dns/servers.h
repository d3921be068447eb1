// SPDX-License-Identifier: Apache-2.0
// Real name servers for tests: each has a directory of its own, listens on the loopback of a network namespace that
// only this process is in, and dies with it.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "io/resolver/name_server.h"

namespace ilnp::test {

/// Moves this process into a new network namespace with loopback up; false (and why) where that is not allowed.
bool enter_own_namespace(std::string& why);

/// Does so before the first test, or no test is run and all of it fails.
class Namespace : public testing::Environment {
 public:
  void SetUp() override {
    std::string why;
    ASSERT_TRUE(enter_own_namespace(why)) << why;
  }
};

class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  void write(const std::string& name, const std::string& content, unsigned mode = 0644) const;

 private:
  std::string path_;
};

/// A child process with its output in a file; ended by its id.
class Process {
 public:
  Process(std::vector<std::string> command, const std::string& log);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  bool running();

 private:
  pid_t pid_ = -1;
};

enum class Software { bind, knot, nsd };

/// The zone example.org with TSIG keys: mob-key may write everything under mob.example.org and two.example.org, l64-key
/// L64 and AAAA of mob.example.org only.
class AuthoritativeServer {
 public:
  /// `primary`: of a secondary, where it gets the zone from; `notify`: the secondary that a primary tells; `sign`: Knot
  /// signs the zone with keys of its own.
  AuthoritativeServer(Software software, std::uint16_t port, const NameServer* primary = nullptr,
                      const NameServer* notify = nullptr, bool sign = false);
  const NameServer& address() const { return address_; }
  /// Answers, and with the zone; bounded.
  bool wait_until_ready();
  std::string log() const;

 private:
  void write_bind(const NameServer* notify);
  void write_knot(bool sign);
  void write_nsd(const NameServer& primary);

  TempDir dir_;
  NameServer address_;
  std::unique_ptr<Process> process_;
};

/// Key files for clients, mode 0600.
std::string write_key_file(const TempDir& dir, const std::string& name, const std::string& secret);
inline constexpr const char* mob_secret = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
inline constexpr const char* l64_secret = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";

/// Standard output of a command; empty when it fails.
std::string output_of(const std::string& command);

}  // namespace ilnp::test
