// Writes reference_models() for run.mjs: DIRECTORY/NAME.onnx their images, NAME.f32, and the
// images' shape, NAME.json.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "../reference_models.h"

int main(int count, char** arguments) {
  if (count != 2) {
    std::cerr << "usage: write_reference_models DIRECTORY\n";
    return EXIT_FAILURE;
  }
  const std::filesystem::path directory = arguments[1];
  std::filesystem::create_directories(directory);
  for (const auto& reference : uswim::tests::reference_models()) {
    std::ofstream(directory / (reference.name + ".onnx"), std::ios::binary)
        << reference.model.bytes();
    std::ofstream(directory / (reference.name + ".f32"), std::ios::binary)
        .write(reinterpret_cast<const char*>(reference.images.data()),
               static_cast<std::streamsize>(reference.images.size() * sizeof(float)));
    std::ofstream dims(directory / (reference.name + ".json"));
    dims << '[' << uswim::tests::kReferenceImages;
    for (const auto extent : reference.image) dims << ", " << extent;
    dims << "]\n";
  }
}
