// SPDX-License-Identifier: Apache-2.0
// Any bytes as the answer to a problem of each task: judged the same twice, right only with all of its credit.
#include "core/train/tasks/task.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace fulgurite;
    if (size == 0) {
        return 0;
    }
    static const auto tasks = [] {
        std::vector<std::unique_ptr<const Task>> all;
        for (const std::string& name : taskNames()) {
            ConfigFields defaults = ConfigFields::parse("{}", "fuzz");
            all.push_back(makeTask(name, defaults));
        }
        return all;
    }();
    const std::string_view answer(reinterpret_cast<const char*>(data) + 1, size - 1);
    for (const auto& task : tasks) {
        const TaskItem item = itemOf(*task, Split::Test, 1, data[0] % 16);
        const Verdict verdict = task->judge(item, answer);
        const Verdict again = task->judge(item, answer);
        const bool sound = verdict.partial >= 0 && verdict.partial <= 1 &&
                           (!verdict.correct || (verdict.formed && verdict.partial == 1));
        if (!sound || again.correct != verdict.correct || again.partial != verdict.partial) {
            std::abort();
        }
    }
    return 0;
}
