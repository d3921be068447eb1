// SPDX-License-Identifier: Apache-2.0
// Every peer of the benchmark in one: answers each datagram of a host, whoever it is for, and acknowledges each Locator
// Update.
#pragma once

namespace ilnp::bench {

/// Sends every UDP datagram that arrives on `interface` back to where it came from, without the nonce header that it
/// may carry. For every line on standard input prints what was counted since the last one, as JSON: datagrams, the
/// peers that a Locator Update was sent to, and the seconds (CLOCK_BOOTTIME) of the first and the last such peer.
/// Ends with standard input. Returns the exit status.
int reflect(const char* interface);

}  // namespace ilnp::bench
