// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/engine/node_link.h"

namespace fulgurite {

QString NodeLink::whyNot(const char* capability) const {
    if (info_)
        return QString::fromStdString(facts_.whyNot(*info_, capability));
    switch (state()) {
    case LinkState::Loading:
        return tr("The model is being loaded.");
    case LinkState::Connecting:
        return tr("The node is being connected.");
    case LinkState::Waiting:
    case LinkState::Failed:
        return message();
    case LinkState::Off:
    case LinkState::Ready:
        break;
    }
    return tr("The node is not connected.");
}

} // namespace fulgurite
