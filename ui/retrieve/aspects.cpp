// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/retrieve/aspects.h"

#include "ui/base/theme_manager.h"

#include <QPainter>

#include <array>

namespace fulgurite {
namespace {

constexpr std::array kAspects{Role::AspectA, Role::AspectB, Role::AspectC, Role::AspectD, Role::AspectE};
constexpr int kLetters = 26;

} // namespace

QString aspectLetter(int aspect) {
    const QChar letter(u'A' + aspect % kLetters);
    return aspect < kLetters ? QString(letter) : QString(letter) + QString::number(aspect / kLetters + 1);
}

Role aspectRole(int aspect) {
    return kAspects[static_cast<std::size_t>(aspect) % kAspects.size()];
}

void paintAspect(QPainter& painter, const QRectF& rect, int aspect, bool hollow, const ThemeManager& themes) {
    const QColor hue = themes.color(aspectRole(aspect));
    const QColor ink(0x12, 0x15, 0x1a);
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(hollow ? QPen(themes.color(Role::Faint), 1) : Qt::NoPen);
    painter.setBrush(hollow ? Qt::NoBrush : QBrush(hue));
    painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), 3, 3);
    painter.setFont(themes.uiFont(10.5, QFont::Bold));
    painter.setPen(hollow                                                     ? themes.color(Role::Muted)
                   : contrastRatio(hue, ink) >= contrastRatio(hue, Qt::white) ? ink
                                                                              : QColor(Qt::white));
    painter.drawText(rect, Qt::AlignCenter, aspectLetter(aspect));
    painter.restore();
}

} // namespace fulgurite
