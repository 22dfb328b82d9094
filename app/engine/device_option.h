// SPDX-License-Identifier: Apache-2.0
// --device: where a command computes.
#pragma once

#include "core/model/hybrid_model.h"

#include <CLI/CLI.hpp>

#include <memory>
#include <string>

namespace fulgurite::app {

// `device` is "cpu" unless given.
void addDeviceOption(CLI::App& command, std::string& device);

// Null for "cpu". Throws Error{NotFound} that says what is missing: the library, a driver, a device.
std::shared_ptr<kernels::Device> deviceNamed(const std::string& name);

// Prints how far the weights are, where a person may be watching; empty elsewhere.
HybridModel::CopyProgress printedProgress();

// Loads a model, computing on the named device.
std::shared_ptr<const HybridModel> loadModelOn(const std::filesystem::path& folder, const std::string& device);

} // namespace fulgurite::app
