// SPDX-License-Identifier: GPL-3.0-or-later
// The chain of encoders and its cuts: a button that says both, and a panel below it in which encoders are ticked
// and cuts are typed.
#pragma once

#include "core/client/cascade_types.h"

#include <QPushButton>

#include <vector>

namespace fulgurite {

// "spyglass-s → m → l · keep 50 / 10".
QString chainText(const std::vector<client::CascadeStage>& stages);

class CascadeSearch;

class ChainButton : public QPushButton {
    Q_OBJECT

  public:
    explicit ChainButton(CascadeSearch& search, QWidget* parent = nullptr);

  private:
    void showChain();
    void fillPanel();

    CascadeSearch& search_;
};

} // namespace fulgurite
