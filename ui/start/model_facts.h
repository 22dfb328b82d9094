// SPDX-License-Identifier: GPL-3.0-or-later
// What a checkpoint folder says about itself, read from its files without an engine. Nothing is guessed: what a
// file does not say stays empty.
#pragma once

#include <QList>
#include <QString>

namespace fulgurite {

struct ModelScore {
    QString task; // as the model's own evaluation names it
    int correct = 0;
    int count = 0;
    double share() const { return count > 0 ? static_cast<double>(correct) / count : 0; }
};

struct ModelFacts {
    QString name; // of the folder
    QString folder;
    qint64 parameters = 0;
    qint64 bytes = 0;
    QList<bool> softmax; // for each layer: softmax attention, or lightning
    int experts = 0;
    int experts_per_token = 0;
    QList<ModelScore> scores; // of the table in MODEL_CARD.md
    QString card;             // path of MODEL_CARD.md; empty: none

    bool valid() const { return !softmax.isEmpty(); }
    int softmaxLayers() const { return static_cast<int>(softmax.count(true)); }
};

ModelFacts readModelFacts(const QString& folder);

// At most `most` scores that show different things: one of addition, one of sorting, the longest recall, then
// others.
QList<ModelScore> headlineScores(const QList<ModelScore>& scores, int most);

} // namespace fulgurite
