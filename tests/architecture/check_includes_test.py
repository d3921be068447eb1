#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A check that never fails is worth nothing: every rule of check_includes.py is broken once in a small tree."""
import pathlib
import tempfile
import unittest

import check_includes

CLEAN = {
    "core/base/result.h": "#include <boost/outcome/result.hpp>\n#include <string>\n",
    "core/base/time.h": "// steady_clock::now() is for the daemons\n#include <chrono>\n",
    "core/ipv6/address.h": '#include "core/base/time.h"\n',
    "core/ipv6/address.cpp": '#include "core/ipv6/address.h"\n#include <arpa/inet.h>\n',
    "core/ilnp/text.h": '#include "core/ipv6/address.h"\n',
    "core/ilnp/ilcc.h": '#include "core/ilnp/text.h"\n',
    "core/records/nid.h": '#include "core/ilnp/text.h"\n',
    "core/forwarding/forwarder.h": '#include "core/ilnp/ilcc.h"\n/* spdlog and boost::asio stay\n outside */\n',
    "io/telemetry/log.cpp": "auto now = std::chrono::system_clock::now();\n",
    "io/tun/tun.h": '#include "core/base/result.h"\n#include <linux/if_tun.h>\n#include <thread>\n',
    "io/loop/loop.h": '#include "io/tun/tun.h"\n#include <boost/asio.hpp>\n',
    "ilnp-host/src/daemon.h": '#include "io/loop/loop.h"\n#include "core/forwarding/forwarder.h"\n',
    "dns/src/publish.h": '#include "io/loop/loop.h"\n',
    "tests/support/fakes.h": '#include "io/loop/loop.h"\n',
}

BROKEN = {
    "base uses ipv6": ("core/base/bad.h", '#include "core/ipv6/address.h"'),
    "ipv6 uses ilnp": ("core/ipv6/bad.h", '#include "core/ilnp/text.h"'),
    "ilnp uses records": ("core/ilnp/bad.h", '#include "core/records/nid.h"'),
    "ilnp uses forwarding": ("core/ilnp/bad.h", '#include "core/forwarding/forwarder.h"'),
    "records uses an ILNP machine": ("core/records/bad.h", '#include "core/ilnp/ilcc.h"'),
    "records uses forwarding": ("core/records/bad.cpp", '#include "core/forwarding/forwarder.h"'),
    "an unknown folder of core": ("core/extra/bad.h", '#include "core/base/time.h"'),
    "core uses io": ("core/ilnp/bad.cpp", '#include "io/tun/tun.h"'),
    "core uses a program": ("core/ilnp/bad.cpp", '#include "dns/src/publish.h"'),
    "core uses tests": ("core/ilnp/bad.cpp", '#include "tests/support/fakes.h"'),
    "core uses Boost": ("core/ilnp/bad.h", "#include <boost/container/small_vector.hpp>"),
    "core uses Boost beside result.h": ("core/base/bad.h", "#include <boost/outcome/result.hpp>"),
    "io names Boost.Outcome": ("io/tun/bad.h", "#include <boost/outcome/result.hpp>"),
    "core uses the kernel": ("core/ipv6/bad.h", "#include <linux/ipv6.h>"),
    "core uses inet.h beside address.cpp": ("core/ipv6/bad.cpp", "#include <arpa/inet.h>"),
    "core uses threads": ("core/ilnp/bad.h", "#include <thread>"),
    "core uses streams": ("core/ilnp/bad.h", "  #  include <iostream>"),
    "core asks a clock": ("core/ilnp/bad.cpp", "auto now = std::chrono::steady_clock::now();"),
    "core asks another clock": ("core/ilnp/bad.cpp", "auto now = system_clock :: now();"),
    "core reads the time": ("core/ilnp/bad.cpp", "  ::clock_gettime(0, nullptr);"),
    "core logs": ("core/ilnp/bad.cpp", 'spdlog::info("moved");'),
    "core uses Asio": ("core/ilnp/bad.cpp", "boost::asio::io_context* context;"),
    "core uses OpenSSL": ("core/ilnp/bad.cpp", "EVP_MD_CTX* context;"),
    "core starts a thread": ("core/ilnp/bad.cpp", "std::thread worker;"),
    "core draws random numbers": ("core/ilnp/bad.cpp", "int n = rand();"),
    "core prints": ("core/ilnp/bad.cpp", 'std::printf("moved");'),
    "io asks the wall clock": ("io/tun/bad.cpp", "auto now = std::chrono::system_clock::now();"),
    "a program reads the wall clock": ("ilnp-host/src/bad.cpp", "  clock_gettime(CLOCK_REALTIME, &now);"),
    "a program asks for the date": ("sbr/src/bad.cpp", "auto now = std::time(nullptr);"),
    "io uses a program": ("io/tun/bad.cpp", '#include "ilnp-host/src/daemon.h"'),
    "io uses tests": ("io/tun/bad.cpp", '#include "tests/support/fakes.h"'),
    "a program uses another": ("dns/src/bad.cpp", '#include "ilnp-host/src/daemon.h"'),
    "an example uses a program": ("examples/roam/bad.cpp", '#include "dns/src/publish.h"'),
    "a program uses tests": ("ctl/src/bad.cpp", '#include "tests/support/fakes.h"'),
    "an include that is not from the root": ("io/tun/bad.cpp", '#include "tun.h"'),
}


class CheckIncludes(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.directory.name)
        for path, text in CLEAN.items():
            self.write(path, text)

    def tearDown(self):
        self.directory.cleanup()

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def test_clean_tree_has_no_complaint(self):
        self.assertEqual(check_includes.check(self.root), [])

    def test_every_broken_rule_is_seen(self):
        for name, (path, line) in BROKEN.items():
            with self.subTest(name):
                self.write(path, "// first line\n" + line + "\n")
                problems = check_includes.check(self.root)
                (self.root / path).unlink()
                self.assertEqual(len(problems), 1, problems)
                self.assertTrue(problems[0].startswith(f"{path}:2: "), problems)
        self.assertEqual(check_includes.check(self.root), [])

    def test_comments_and_strings_are_not_code(self):
        self.write("core/ilnp/words.cpp", '/* std::thread\n spdlog */ const char* s = "asio"; // openssl\n')
        self.assertEqual(check_includes.check(self.root), [])


if __name__ == "__main__":
    unittest.main()
