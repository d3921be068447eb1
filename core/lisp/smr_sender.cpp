// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/smr_sender.h"

namespace ilnp::lisp {

void SmrSender::set_due(const Key& key, Task& task, TimePoint due) {
  due_.erase({task.due, key});
  task.due = due;
  due_.insert({due, key});
}

void SmrSender::end(Tasks::iterator task) {
  due_.erase({task->second.due, task->first});
  tasks_.erase(task);
}

void SmrSender::solicit(const Solicitation& solicitation, TimePoint from) {
  const Key key{solicitation.changed, solicitation.to};
  Task& task = tasks_[key];
  task.what = solicitation;
  task.sent = 0;
  set_due(key, task, from);
}

void SmrSender::release(TimePoint now, const EidPrefix& changed) {
  for (auto task = tasks_.lower_bound({changed, IpAddress::v4(0)});
       task != tasks_.end() && task->first.first == changed; ++task)
    if (task->second.sent == 0 && task->second.due > now) set_due(task->first, task->second, now);
}

bool SmrSender::is_soliciting(const EidPrefix& changed) const {
  const auto task = tasks_.lower_bound({changed, IpAddress::v4(0)});
  return task != tasks_.end() && task->first.first == changed;
}

void SmrSender::heard(const EidPrefix& changed, const IpAddress& rloc) {
  if (const auto task = tasks_.find({changed, rloc}); task != tasks_.end()) end(task);
}

void SmrSender::on_time(TimePoint now, std::vector<SmrSend>& out) {
  while (!due_.empty() && due_.begin()->first <= now) {
    const auto found = tasks_.find(due_.begin()->second);
    Task& task = found->second;
    const IpAddress& to = task.what.to;
    if (const TimePoint* last = last_.find(to); last != nullptr && now < *last + tuning_.apart) {
      set_due(found->first, task, *last + tuning_.apart);  // it was told of something else a moment ago
      continue;
    }
    last_.put(to, now);
    out.push_back({to, message_of(task.what)});
    if (++task.sent == tuning_.copies)
      end(found);
    else
      set_due(found->first, task, now + tuning_.apart);
  }
}

MapRequest SmrSender::message_of(const Solicitation& what) {
  MapRequest message;
  message.is_smr = true;
  message.wants_no_reply = true;
  message.nonce = random_.u64();
  message.source = Eid{what.changed.instance, what.changed.prefix.address};
  message.itr_rlocs = what.own_rlocs;
  message.records = {{what.clients_own.value_or(what.changed)}};
  return message;
}

}  // namespace ilnp::lisp
