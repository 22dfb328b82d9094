// SPDX-License-Identifier: Apache-2.0
// Variables as a launcher sets them, for the programs that are started while it lives.
#pragma once

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

namespace fulgurite::test {

class Variables {
  public:
    explicit Variables(std::vector<std::pair<std::string, std::string>> values) : values_(std::move(values)) {
        for (const auto& [name, value] : values_) {
            ::setenv(name.c_str(), value.c_str(), 1);
        }
    }
    ~Variables() {
        for (const auto& [name, value] : values_) {
            ::unsetenv(name.c_str());
        }
    }
    Variables(const Variables&) = delete;
    Variables& operator=(const Variables&) = delete;

  private:
    std::vector<std::pair<std::string, std::string>> values_;
};

} // namespace fulgurite::test
