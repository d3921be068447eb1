#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# install-packages.sh [build|test|demo|vm|paper]...   installs what is missing of these groups (Debian 12; default: all)
#
# Quick when nothing is missing. Services that come along (bind9, nginx, sshd ...) are neither started now nor at the
# next boot: the tests and the demo run their own instances in network namespaces. Packages that were there before are
# left alone.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Everything that `cmake --preset dev` and the build ask for.
build_packages=(
  g++ cmake ninja-build pkg-config git ca-certificates python3
  libboost-dev libssl-dev libldns-dev libnl-3-dev libnl-route-3-dev libunbound-dev libsystemd-dev libsqlite3-dev
  libspdlog-dev libcli11-dev nlohmann-json3-dev libtomlplusplus-dev
  libgtest-dev libgmock-dev librapidcheck-dev libbenchmark-dev
)
test_packages=(
  clang clang-format clang-tidy clang-tools libclang-rt-14-dev llvm
  tshark tcpdump iproute2 nftables ethtool radvd iperf3 procps iputils-ping
  bind9 bind9-dnsutils bind9-utils knot knot-dnsutils nsd ldnsutils
  etcd-server etcd-client openssl keepalived
)
demo_packages=(
  iproute2 nftables ethtool procps iputils-ping tcpdump radvd bind9 bind9-utils bind9-dnsutils
  nginx-light openssh-server openssh-client curl etcd-server etcd-client openssl
)
# Real guests: the kernel comes out of its package and is not installed (tests/vm/kernel.py).
vm_packages=(
  qemu-system-x86 busybox-static cpio kmod lz4 zstd binutils iproute2 tcpdump nftables
  nginx-light openssh-server openssh-client curl
  libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients
)
# tests/bench/paper: charts, and TCP programs made to use MPTCP.
paper_packages=(python3-matplotlib mptcpize)
# The services that some of them bring: package=unit.
services=(bind9=named knot=knot nsd=nsd radvd=radvd nginx-light=nginx openssh-server=ssh iperf3=iperf3
          etcd-server=etcd keepalived=keepalived)

policy=/usr/sbin/policy-rc.d
kept_policy=$policy.kept-by-ilnp
policy_mark='# ilnp: no service starts while packages are installed'

is_installed() { [[ $(dpkg-query -W -f '${db:Status-Status} ' "$1" 2>/dev/null) == installed* ]]; }

wanted=()
for group in "${@:-all}"; do
  case $group in
    build) wanted+=("${build_packages[@]}") ;;
    test) wanted+=("${test_packages[@]}") ;;
    demo) wanted+=("${demo_packages[@]}") ;;
    vm) wanted+=("${vm_packages[@]}") ;;
    paper) wanted+=("${paper_packages[@]}") ;;
    all) wanted+=("${build_packages[@]}" "${test_packages[@]}" "${demo_packages[@]}" "${vm_packages[@]}" "${paper_packages[@]}") ;;
    *) sed -n '3s/^# //p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
  esac
done

missing=()
while read -r package; do
  # Another flavour of nginx does as well, and must not be replaced.
  if [ "$package" = nginx-light ] && [ -x /usr/sbin/nginx ]; then continue; fi
  is_installed "$package" || missing+=("$package")
done < <(printf '%s\n' "${wanted[@]}" | sort -u)
[ ${#missing[@]} -gt 0 ] || exit 0

command -v apt-get >/dev/null || fail "these packages are missing, and this is not Debian: ${missing[*]}"
say "installing ${missing[*]}"

# Maintainer scripts ask policy-rc.d before they start a service; 101 means no. A policy of the machine's own is put
# back afterwards; one of ours that an interrupted run left behind is recognised by its mark.
restore_policy() {
  if as_root grep -qsF "$policy_mark" $policy; then as_root rm -f $policy; fi
  if [ -e $kept_policy ] || [ -L $kept_policy ]; then as_root mv -f $kept_policy $policy; fi
}
restore_policy
trap restore_policy EXIT
trap 'exit 130' INT TERM
if [ -e $policy ] || [ -L $policy ]; then as_root mv -f $policy $kept_policy; fi
printf '#!/bin/sh\n%s\nexit 101\n' "$policy_mark" | as_root tee $policy >/dev/null
as_root chmod 755 $policy

log=$(mktemp)
install_missing() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "${missing[@]}" </dev/null >"$log" 2>&1
}
update_lists() {
  say "fetching package lists"
  as_root apt-get update -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 </dev/null >"$log" 2>&1 || { cat "$log" >&2; return 1; }
}
have_lists() { compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null; }

have_lists || update_lists
if ! install_missing; then
  update_lists
  install_missing || { tail -40 "$log" >&2; fail "the packages could not be installed"; }
fi
rm -f "$log"

# Not at the next boot either; only services that this run brought.
for entry in "${services[@]}"; do
  package=${entry%%=*} unit=${entry#*=}
  case " ${missing[*]} " in *" $package "*) ;; *) continue ;; esac
  if command -v systemctl >/dev/null; then
    as_root systemctl disable --quiet "$unit.service" 2>/dev/null || true
  elif [ -e "/etc/init.d/$unit" ]; then
    as_root update-rc.d "$unit" disable >/dev/null 2>&1 || true
  fi
done
