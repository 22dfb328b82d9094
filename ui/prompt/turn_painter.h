// SPDX-License-Identifier: GPL-3.0-or-later
// Paints what surrounds a turn's text: the card of a user's turn, the line over an answer, folded thinking, and the
// row of actions under it.
#pragma once

#include "ui/prompt/transcript_document.h"

class QPainter;

namespace fulgurite {

struct TurnPaintState {
    TurnAction hovered = TurnAction::None;
    TurnAction pressed = TurnAction::None;
    bool focused = false; // the turn has the keyboard but no token of it does
};

// `origin`: where the document's top left stands in the painter's coordinates.
void paintTurnFrame(QPainter& painter, const TranscriptDocument& document, int turn, QPoint origin,
                    const TurnPaintState& state);

// Surprise in bits, averaged into `bins`, of the thinking's tokens.
std::vector<double> thinkingSparkline(const Turn& turn, int bins);

// What a screen reader says for a turn before its text.
QString turnTitle(const Turn& turn);

} // namespace fulgurite
