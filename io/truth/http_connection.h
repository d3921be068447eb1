// SPDX-License-Identifier: Apache-2.0
// One connection to one endpoint: HTTP/1.1, kept alive, over TLS or plain; one question at a time, or one question
// whose answer is a stream of lines. It connects when it is first used. After a failure it is of no more use.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/time.h"
#include "io/loop/loop.h"
#include "io/tls/tls_context.h"
#include "io/truth/endpoint.h"

namespace ilnp {

struct HttpAnswer {
  bool arrived = false;  ///< else `why`, and nobody knows whether the question did
  unsigned status = 0;
  std::string body;
  std::string why;
  bool too_long = false;  ///< has not arrived because of that
};

class HttpConnection {
 public:
  /// `tls` is needed for an endpoint with TLS.
  HttpConnection(Loop& loop, EtcdEndpoint endpoint, TlsContext tls);
  ~HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  /// Whether the other end has closed it, or said something that it was not asked.
  bool is_stale() const;

  using OnAnswer = std::function<void(HttpAnswer)>;
  /// Within `timeout`, connecting included, or not at all. Not while another question is open.
  void post(std::string_view target, std::string body, Duration timeout, std::size_t max_octets, OnAnswer on_answer);

  using OnLine = std::function<void(std::string_view line)>;
  using OnEnd = std::function<void(const std::string& why)>;
  /// Calls back for each line; the first must come within `timeout`. A stream always ends with on_end, and the
  /// connection with it. Either callback may destroy this object.
  void stream(std::string_view target, std::string body, Duration timeout, std::size_t max_line, OnLine on_line,
              OnEnd on_end);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace ilnp
