# uswim_layer(name SOURCES ... PUBLIC ... PRIVATE ...): one layer of the design as a static library
# uswim_<name> with the alias uswim::<name>. Headers are included as "<folder>/<file>.h".
function(uswim_layer name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(uswim_${name} STATIC ${ARG_SOURCES})
  add_library(uswim::${name} ALIAS uswim_${name})
  target_include_directories(uswim_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<INSTALL_INTERFACE:include/uswim>)
  target_link_libraries(uswim_${name} PUBLIC ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
  uswim_compile_options(uswim_${name})
  set_target_properties(uswim_${name} PROPERTIES EXPORT_NAME ${name})
  install(TARGETS uswim_${name} EXPORT uswimTargets)
  install(DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} DESTINATION include/uswim FILES_MATCHING PATTERN "*.h")
endfunction()

# Contraction into fused multiply-adds would make results depend on the instruction set. The flags on errno and
# traps change no result; without them the compiler vectorises neither square roots nor selections.
function(uswim_compile_options target)
  target_compile_options(${target} PRIVATE -ffp-contract=off -fno-math-errno
    -fno-trapping-math -Wall -Wextra -Wpedantic -Wshadow
    -Wnon-virtual-dtor -Woverloaded-virtual $<$<BOOL:${USWIM_WARNINGS_AS_ERRORS}>:-Werror>)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE -mprefer-vector-width=512)
  endif()
  if(USWIM_SANITIZE)
    # GCC 12 takes instrumented library code for uninitialised.
    target_compile_options(${target} PUBLIC -fsanitize=address,undefined -fno-sanitize-recover=undefined
      -Wno-maybe-uninitialized)
    target_link_options(${target} PUBLIC -fsanitize=address,undefined)
  endif()
endfunction()
