// SPDX-License-Identifier: GPL-3.0-or-later
// The presets that come with the program, and the line that names a setting over an answer.
#include "ui/prompt/transcript_types.h"

#include <QCoreApplication>
#include <QLocale>

namespace fulgurite {

QList<SamplerPreset> builtInSamplerPresets() {
    const auto name = [](const char* text) { return QCoreApplication::translate("SamplerPreset", text); };
    SamplerSettings published; // the values that MiniMax give for M1, and their guard against repetition
    SamplerSettings greedy = published;
    greedy.temperature = 0;
    greedy.top_p = 1;
    SamplerSettings focused = published;
    focused.temperature = 0.6;
    SamplerSettings wide = published;
    wide.temperature = 1.3;
    wide.top_p = 1;
    wide.min_p = 0.05;
    SamplerSettings raw = published;
    raw.top_p = 1;
    raw.repetition_run = 0;
    return {{name("M1, as published"), published, true},
            {name("Greedy"), greedy, true},
            {name("Focused"), focused, true},
            {name("Wide, min-p 0.05"), wide, true},
            {name("Untouched distribution"), raw, true}};
}

QString samplerSummary(const SamplerSettings& settings) {
    const auto number = [](double value) { return QLocale().toString(value, 'f', 2); };
    const auto say = [](const char* text) { return QCoreApplication::translate("SamplerPreset", text); };
    QStringList parts;
    if (settings.temperature == 0) {
        return say("greedy");
    }
    parts += QStringLiteral("T ") + number(settings.temperature);
    if (settings.top_k > 0) {
        parts += QStringLiteral("top-k %1").arg(settings.top_k);
    }
    if (settings.top_p < 1) {
        parts += QStringLiteral("top-p ") + number(settings.top_p);
    }
    if (settings.min_p > 0) {
        parts += QStringLiteral("min-p ") + number(settings.min_p);
    }
    if (settings.repetition_penalty != 1) {
        parts += say("repetition ") + number(settings.repetition_penalty);
    }
    if (settings.presence_penalty != 0 || settings.frequency_penalty != 0) {
        parts += say("presence ") + number(settings.presence_penalty) + say(", frequency ") +
                 number(settings.frequency_penalty);
    }
    if (settings.seed) {
        parts += say("seed ") + QString::number(*settings.seed);
    }
    return parts.join(QStringLiteral(" · "));
}

} // namespace fulgurite
