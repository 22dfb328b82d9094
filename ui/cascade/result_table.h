// SPDX-License-Identifier: GPL-3.0-or-later
// The results of one search as rows and columns: place, file, and rank and score at every stage.
#pragma once

#include "core/client/cascade_types.h"
#include "ui/charts/table_twin.h"

#include <QCoreApplication>

#include <memory>

namespace fulgurite {

inline TableTwin resultTable(std::shared_ptr<const client::CascadeAnswer> answer) {
    const auto words = [](const char* text) { return QCoreApplication::translate("CascadeResults", text); };
    TableTwin twin;
    twin.title = words("Results");
    twin.columns = {words("rank"), words("image"), words("file")};
    for (const client::CascadeStageReport& stage : answer->stages) {
        const QString encoder = QString::fromStdString(stage.encoder);
        twin.columns << words("rank, ") + encoder << words("score, ") + encoder;
    }
    twin.rows = static_cast<int>(answer->results.size());
    twin.cell = [answer](int row, int column) -> QVariant {
        const client::CascadeHit& hit = answer->results[static_cast<std::size_t>(row)];
        if (column == 0)
            return row + 1;
        if (column == 1)
            return static_cast<qint64>(hit.image);
        if (column == 2)
            return QString::fromStdString(hit.path);
        const auto stage = static_cast<std::size_t>((column - 3) / 2);
        if (stage >= hit.ranks.size())
            return {};
        return column % 2 == 1 ? QVariant(static_cast<qint64>(hit.ranks[stage])) : QVariant(hit.scores[stage]);
    };
    return twin;
}

} // namespace fulgurite
