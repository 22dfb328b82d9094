// SPDX-License-Identifier: Apache-2.0
// Spelling of roles and states in the file and in exports.
#include "core/store/conversation_types.h"

#include <array>

namespace fulgurite {

namespace {

constexpr std::array role_names{"system", "user", "assistant", "tool", "prompt"};
constexpr std::array state_names{"complete", "streaming", "stopped", "cut"};

template <class T, std::size_t N>
std::optional<T> find(const std::array<const char*, N>& names, const std::string& name) {
    for (std::size_t i = 0; i < N; ++i)
        if (name == names[i])
            return static_cast<T>(i);
    return std::nullopt;
}

} // namespace

const char* nameOf(MessageRole role) {
    return role_names.at(static_cast<std::size_t>(role));
}
const char* nameOf(NodeState state) {
    return state_names.at(static_cast<std::size_t>(state));
}
std::optional<MessageRole> roleNamed(const std::string& name) {
    return find<MessageRole>(role_names, name);
}
std::optional<NodeState> nodeStateNamed(const std::string& name) {
    return find<NodeState>(state_names, name);
}

} // namespace fulgurite
