// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/run_data.h"

namespace fulgurite {

const SeriesInfo* RunInfo::find(const QString& name) const {
    const SeriesInfo* raw = nullptr;
    for (const SeriesInfo& each : *series) {
        if (each.canonical == name) {
            return &each;
        }
        if (each.raw_name == name) {
            raw = &each;
        }
    }
    return raw;
}

const RunInfo* RunLookup::find(qint64 run) const {
    const auto found = places.constFind(run);
    return found == places.constEnd() ? nullptr : &(*list)[*found];
}

} // namespace fulgurite
