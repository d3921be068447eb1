# SPDX-License-Identifier: Apache-2.0
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)

add_compile_options(-Wall -Wextra -Wconversion -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Werror)
# Assertions stay on in every build: they state our own mistakes, never a peer's.
string(REPLACE "-DNDEBUG" "" CMAKE_CXX_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 finds this in moved-from std::variant and std::optional where there is nothing to find.
  add_compile_options(-Wno-maybe-uninitialized)
endif()
if(ILNP_SANITIZE)
  add_compile_options(-fsanitize=${ILNP_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${ILNP_SANITIZE})
endif()
# What libFuzzer is to find its way through: core/ and io/ ask for it.
if(ILNP_FUZZ)
  set(ILNP_FUZZED -fsanitize=fuzzer-no-link)
endif()

# ilnp_library(NAME SOURCES... ): one static library per folder; includes are written from the project's root.
function(ilnp_library name)
  add_library(${name} STATIC ${ARGN})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
endfunction()
