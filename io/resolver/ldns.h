// SPDX-License-Identifier: Apache-2.0
// ldns defines true and false as numbers, which breaks C++ headers that come after it: include this one last.
#pragma once

#include <ldns/ldns.h>

#undef bool
#undef true
#undef false
