# Every dependency, each under its upstream target name. Debian 12 packages; see tools/install-dependencies.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(Eigen3 3.4 REQUIRED NO_MODULE)  # Eigen3::Eigen
find_package(fmt REQUIRED)                   # fmt::fmt
find_package(ZLIB REQUIRED)                  # ZLIB::ZLIB
find_package(PNG 1.6 REQUIRED)               # PNG::PNG
find_package(Protobuf REQUIRED)              # protobuf::libprotobuf
find_package(ONNX REQUIRED)                  # onnx_proto
find_package(CLI11 REQUIRED)                 # CLI11::CLI11
find_package(nlohmann_json REQUIRED)         # nlohmann_json::nlohmann_json

# Debian ships SystemC with pkg-config files only.
pkg_check_modules(systemc REQUIRED IMPORTED_TARGET systemc)
add_library(SystemC::systemc INTERFACE IMPORTED)
target_link_libraries(SystemC::systemc INTERFACE PkgConfig::systemc)

# Their CMake files ask for tools of other packages, or are not there.
foreach(library IN ITEMS "libzip::zip libzip" "TurboJPEG::turbojpeg libturbojpeg")
  separate_arguments(library)
  list(POP_FRONT library target)
  pkg_check_modules(${library} REQUIRED IMPORTED_TARGET ${library})
  add_library(${target} INTERFACE IMPORTED)
  target_link_libraries(${target} INTERFACE PkgConfig::${library})
endforeach()

find_package(yaml-cpp REQUIRED)
if(NOT TARGET yaml-cpp::yaml-cpp)
  add_library(yaml-cpp::yaml-cpp INTERFACE IMPORTED)
  target_link_libraries(yaml-cpp::yaml-cpp INTERFACE yaml-cpp)
endif()

# Random123 is header-only and ships no build files.
find_path(RANDOM123_INCLUDE_DIR Random123/philox.h REQUIRED)
add_library(Random123::random123 INTERFACE IMPORTED)
set_target_properties(Random123::random123 PROPERTIES
  INTERFACE_INCLUDE_DIRECTORIES "${RANDOM123_INCLUDE_DIR}")

find_path(XXHASH_INCLUDE_DIR xxhash.h REQUIRED)
find_library(XXHASH_LIBRARY xxhash REQUIRED)
add_library(xxHash::xxhash INTERFACE IMPORTED)
set_target_properties(xxHash::xxhash PROPERTIES
  INTERFACE_INCLUDE_DIRECTORIES "${XXHASH_INCLUDE_DIR}" INTERFACE_LINK_LIBRARIES "${XXHASH_LIBRARY}")
