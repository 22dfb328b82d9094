// SPDX-License-Identifier: GPL-3.0-or-later
// An answer as it is and under an intervention, token by token: the original's tokens judged by both models, and
// the regenerated answer aligned beside them.
#pragma once

#include "core/base/token_info.h"
#include "core/probe/capture/comparison.h"
#include "core/probe/capture/views.h"
#include "ui/charts/table_twin.h"
#include "ui/inspect/token_alignment.h"

#include <QAbstractTableModel>

#include <memory>

namespace fulgurite {

struct AblationResult {
    std::size_t first = 0;                        // position of the answer's first token
    std::vector<capture::CapturedToken> original; // the answer's tokens
    capture::TokenComparison judged;              // empty until it has arrived
    std::vector<TokenInfo> changed;               // the answer under the intervention, as far as it has come
    std::vector<AlignedTokens> rows;

    // Of original token i; NaN where it was not judged.
    float logprob(int i) const;
    float changedLogprob(int i) const;
    float kl(int i) const;
    void align(); // after `changed` grew
};

class AblationModel : public QAbstractTableModel {
    Q_OBJECT

  public:
    enum Column { kPosition, kOriginal, kLogprob, kChangedLogprob, kDelta, kKl, kBest, kRegenerated, kColumns };

    using QAbstractTableModel::QAbstractTableModel;

    void setResult(std::shared_ptr<const AblationResult> result);
    const AblationResult* result() const { return result_.get(); }
    TableTwin twin() const;
    // Position in the text of a row's original token; unset where only the regenerated answer has one.
    std::optional<std::size_t> positionOf(int row) const;
    int rowOfPosition(std::size_t position) const; // -1: not in the answer

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override { return parent.isValid() ? 0 : kColumns; }
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

  private:
    bool differs(int row, int column) const;
    static QVariant alignmentOf(int column);

    std::shared_ptr<const AblationResult> result_;
};

} // namespace fulgurite
