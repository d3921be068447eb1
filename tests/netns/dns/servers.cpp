// SPDX-License-Identifier: Apache-2.0
#include "tests/netns/dns/servers.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "tests/unit/resolver/fake_dns.h"

namespace ilnp::test {
namespace {

const char* const zone_text = R"($ORIGIN example.org.
$TTL 60
@       IN SOA ns hostmaster 1 3600 600 86400 5
@       IN NS  ns
ns      IN AAAA ::1
srv     86400 IN NID 10 0214:4fff:fe20:ee64
srv     60    IN L64 10 2001:0db8:00c0:0001
srv     60    IN L64 20 2001:0db8:00d0:0001
srv     60    IN AAAA   2001:db8:c0:1:214:4fff:fe20:ee64
srv     60    IN A      192.0.2.80
bus     300   IN NID 10 581a:97d3:04be:6f22
bus     3600  IN LP  10 l64-bus.example.org.
bus     3600  IN LP  20 l64-spare.example.org.
l64-bus 20    IN L64 10 2001:0db8:00a1:0001
l64-bus 20    IN L64 20 2001:0db8:00a2:0001
l64-spare 20  IN L64 1  2001:0db8:00a3:0001
alias   IN CNAME srv
plain   IN AAAA 2001:db8::1
plain   IN A    192.0.2.1
plain   IN MX   10 mail.example.org.
plain   IN TXT  "one" "two"
plain   IN TYPE65280 \# 4 01020304
odd     IN HTTPS 1 . alpn=h2
)";

std::string big_txt() {
  std::string line = "big IN TXT";
  for (int i = 0; i < 40; ++i) line += " \"" + std::string(200, static_cast<char>('a' + i % 26)) + "\"";
  return line + "\n";
}

std::string port_of(const NameServer& server) { return std::to_string(server.port()); }

}  // namespace

bool enter_own_namespace(std::string& why) {
  if (unshare(CLONE_NEWNET) != 0) {
    why = std::string{"no network namespace of our own: "} + std::strerror(errno);
    return false;
  }
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP;
  const bool up = ioctl(fd, SIOCSIFFLAGS, &request) == 0;
  if (!up) why = std::string{"loopback: "} + std::strerror(errno);
  close(fd);
  return up;
}

TempDir::TempDir() {
  char path[] = "/tmp/ilnp-dns-XXXXXX";
  if (mkdtemp(path) == nullptr) throw std::runtime_error{"mkdtemp"};
  path_ = path;
}
TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}
void TempDir::write(const std::string& name, const std::string& content, unsigned mode) const {
  std::ofstream{file(name)} << content;
  chmod(file(name).c_str(), mode);
}

Process::Process(std::vector<std::string> command, const std::string& log) {
  std::vector<char*> arguments;
  for (std::string& word : command) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_ = fork();
  if (pid_ != 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int fd = ::open(log.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0644);
  dup2(fd, STDOUT_FILENO);
  dup2(fd, STDERR_FILENO);
  execvp(arguments[0], arguments.data());
  _exit(127);
}
Process::~Process() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}
bool Process::running() {
  if (pid_ > 0 && waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = -1;
  return pid_ > 0;
}

std::string write_key_file(const TempDir& dir, const std::string& name, const std::string& secret) {
  dir.write(name, "key \"" + name + "\" {\n\talgorithm hmac-sha256;\n\tsecret \"" + secret + "\";\n};\n", 0600);
  return dir.file(name);
}

AuthoritativeServer::AuthoritativeServer(Software software, std::uint16_t port, const NameServer* primary,
                                         const NameServer* notify, bool sign)
    : address_{boost::asio::ip::make_address("127.0.0.1"), port} {
  if (primary == nullptr) dir_.write("zone", zone_text + big_txt());
  std::vector<std::string> command;
  switch (software) {
    case Software::bind:
      write_bind(notify);
      command = {"named", "-g", "-c", dir_.file("named.conf")};
      break;
    case Software::knot:
      write_knot(sign);
      command = {"knotd", "-c", dir_.file("knot.conf")};
      break;
    case Software::nsd:
      write_nsd(*primary);
      command = {"nsd", "-d", "-c", dir_.file("nsd.conf")};
      break;
  }
  process_ = std::make_unique<Process>(std::move(command), dir_.file("log"));
}

void AuthoritativeServer::write_bind(const NameServer* notify) {
  std::ostringstream out;
  out << "options { directory \"" << dir_.path() << "\"; pid-file none; session-keyfile none; recursion no;\n"
      << "  listen-on port " << port_of(address_) << " { 127.0.0.1; }; listen-on-v6 { none; };\n"
      << "  rrset-order { order none; }; dnssec-validation no; allow-transfer { 127.0.0.1; };\n"
      << "  notify-delay 0; max-refresh-time 5;\n";
  if (notify != nullptr)
    out << "  notify explicit; also-notify { 127.0.0.1 port " << port_of(*notify) << "; };\n";
  else
    out << "  notify no;\n";
  out << "};\ncontrols { };\n"
      << "key \"mob-key\" { algorithm hmac-sha256; secret \"" << mob_secret << "\"; };\n"
      << "key \"l64-key\" { algorithm hmac-sha256; secret \"" << l64_secret << "\"; };\n"
      << "zone \"example.org\" { type primary; file \"zone\"; update-policy {\n"
      << "  grant mob-key name mob.example.org. NID L64 LP AAAA;\n"
      << "  grant mob-key name two.example.org. NID L64 LP AAAA;\n"
      << "  grant l64-key name mob.example.org. L64 AAAA;\n}; };\n";
  dir_.write("named.conf", out.str());
}

void AuthoritativeServer::write_knot(bool sign) {
  std::ostringstream out;
  out << "server:\n  listen: 127.0.0.1@" << port_of(address_) << "\n  rundir: " << dir_.path()
      << "\n  user: root:root\n"
      << "database:\n  storage: " << dir_.path() << "\n"
      << "log:\n  - target: stderr\n    any: info\n"
      << "key:\n  - id: mob-key\n    algorithm: hmac-sha256\n    secret: " << mob_secret << "\n"
      << "  - id: l64-key\n    algorithm: hmac-sha256\n    secret: " << l64_secret << "\n"
      << "acl:\n  - id: mob\n    key: mob-key\n    action: update\n    update-owner: name\n    update-owner-match: "
         "equal\n"
      << "    update-owner-name: [mob.example.org., two.example.org.]\n    update-type: [NID, L64, LP, AAAA]\n"
      << "  - id: l64\n    key: l64-key\n    action: update\n    update-owner: name\n    update-owner-match: equal\n"
      << "    update-owner-name: [mob.example.org.]\n    update-type: [L64, AAAA]\n"
      << "  - id: axfr\n    address: 127.0.0.1\n    action: transfer\n"
      << "zone:\n  - domain: example.org\n    storage: " << dir_.path()
      << "\n    file: zone\n    acl: [mob, l64, axfr]\n"
      << "    dnssec-signing: " << (sign ? "on" : "off") << "\n"
      << "    zonefile-sync: -1\n    journal-content: all\n    zonefile-load: difference-no-serial\n";
  dir_.write("knot.conf", out.str());
}

void AuthoritativeServer::write_nsd(const NameServer& primary) {
  std::ostringstream out;
  out << "server:\n  ip-address: 127.0.0.1@" << port_of(address_) << "\n  username: \"\"\n  chroot: \"\"\n"
      << "  zonesdir: \"" << dir_.path() << "\"\n  pidfile: \"" << dir_.file("pid") << "\"\n  database: \"\"\n"
      << "  zonelistfile: \"" << dir_.file("list") << "\"\n  xfrdfile: \"" << dir_.file("xfrd") << "\"\n"
      << "  xfrdir: \"" << dir_.path() << "\"\n"
      << "remote-control:\n  control-enable: no\n"
      << "zone:\n  name: example.org\n  request-xfr: AXFR 127.0.0.1@" << port_of(primary) << " NOKEY\n"
      << "  allow-notify: 127.0.0.1 NOKEY\n  max-refresh-time: 5\n  min-retry-time: 1\n  max-retry-time: 1\n";
  dir_.write("nsd.conf", out.str());
}

bool AuthoritativeServer::wait_until_ready() {
  boost::asio::io_context io;
  const auto end = std::chrono::steady_clock::now() + seconds{30};
  while (std::chrono::steady_clock::now() < end && process_->running()) {
    const auto answer = ask(io, address_, make_query(1, {name("example.org"), dns::type_soa, dns::class_in}),
                            Asking::Transport::udp, milliseconds{100});
    if (answer) {
      const auto message = DnsMessage::parse(*answer);
      if (message && message.value().rcode() == 0 && message.value().records().size() > 1) return true;
    }
    usleep(20000);
  }
  return false;
}

std::string AuthoritativeServer::log() const {
  std::ifstream in{dir_.file("log")};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::string output_of(const std::string& command) {
  std::string out;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return out;
  std::array<char, 4096> buffer{};
  while (const std::size_t n = fread(buffer.data(), 1, buffer.size(), pipe)) out.append(buffer.data(), n);
  return pclose(pipe) == 0 ? out : "";
}

}  // namespace ilnp::test
