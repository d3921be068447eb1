// SPDX-License-Identifier: Apache-2.0
#include "io/truth/operated_store.h"

namespace ilnp {

const char* name_of(StoreState state) {
  constexpr const char* names[] = {"unreachable", "synchronising", "ready", "refused"};
  return names[static_cast<int>(state)];
}

std::vector<CounterName> store_counter_names() {
  return {{"changes", "records stored or removed by this router"},
          {"conflicts", "changes that were not made because somebody else was first"},
          {"unreachable", "questions and changes without an answer"},
          {"refused", "questions and changes that the store refused, or that were not put to it"},
          {"bad_records", "records that were not obeyed: unreadable, or of a site that is not configured"},
          {"bad_answers", "answers that are not what etcd answers"},
          {"connections", "connections made to the store"},
          {"resyncs", "times that all records were read"},
          {"events", "changes of records seen, by whomever"}};
}

}  // namespace ilnp
