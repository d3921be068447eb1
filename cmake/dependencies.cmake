# SPDX-License-Identifier: Apache-2.0
# Every library comes from Debian 12 (scripts/install-packages.sh names the packages).
# Imported targets are SYSTEM, so warnings stay about our own code.
find_package(PkgConfig REQUIRED)
set(BOOST_ROOT /usr)
find_package(Boost 1.74 REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(spdlog REQUIRED)
find_package(Threads REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
pkg_check_modules(LIBNL REQUIRED IMPORTED_TARGET libnl-3.0 libnl-route-3.0)
pkg_check_modules(LDNS REQUIRED IMPORTED_TARGET ldns)
# Debian's libunbound.pc asks for libevent's development files, which a shared link does not need.
find_library(UNBOUND_LIBRARY unbound REQUIRED)
add_library(ilnp_libunbound INTERFACE)
target_link_libraries(ilnp_libunbound INTERFACE ${UNBOUND_LIBRARY})
pkg_check_modules(LIBSYSTEMD REQUIRED IMPORTED_TARGET libsystemd)
find_package(tomlplusplus REQUIRED)
pkg_check_modules(SQLITE3 REQUIRED IMPORTED_TARGET sqlite3)
