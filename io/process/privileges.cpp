// SPDX-License-Identifier: Apache-2.0
#include "io/process/privileges.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace ilnp {

Result<void> drop_privileges() {
  constexpr std::uint32_t kept = 1u << CAP_NET_ADMIN | 1u << CAP_NET_RAW;
  for (int capability = 0; capability <= CAP_LAST_CAP; ++capability) {
    if (capability == CAP_NET_ADMIN || capability == CAP_NET_RAW) continue;
    // Without CAP_SETPCAP the bounding set stays, and no_new_privs below does the same work.
    (void)::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  }
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  if (::syscall(SYS_capget, &header, data) != 0) return error(std::string{"capget: "} + std::strerror(errno));
  for (int word = 0; word < 2; ++word) {
    const std::uint32_t mask = word == 0 ? kept : 0;
    data[word].effective &= mask;
    data[word].permitted &= mask;
    data[word].inheritable = data[word].permitted;
  }
  if (::syscall(SYS_capset, &header, data) != 0) return error(std::string{"capset: "} + std::strerror(errno));
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return error(std::string{"no_new_privs: "} + std::strerror(errno));
  return ok();
}

}  // namespace ilnp
