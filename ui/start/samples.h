// SPDX-License-Identifier: GPL-3.0-or-later
// The prompts that the first view offers, from resources/prompts/samples.json.
#pragma once

#include "ui/base/theme.h"

#include <QList>
#include <QMetaType>
#include <QString>

namespace fulgurite {

struct SamplePrompt {
    QString id;
    QString category; // "Arithmetic"
    QString title;    // what the card shows; the prompt itself may be long
    QString prompt;
    QString look; // what is worth looking at afterwards
    Role mark = Role::Accent;
};

QList<SamplePrompt> loadSamplePrompts();

} // namespace fulgurite

Q_DECLARE_METATYPE(fulgurite::SamplePrompt)
