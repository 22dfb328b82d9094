// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/cascade/term_chip.h"

#include "ui/base/theme_manager.h"

#include <QInputDialog>
#include <QKeyEvent>
#include <QLocale>
#include <QMouseEvent>
#include <QPainter>
#include <QPainterPath>
#include <QWheelEvent>

#include <algorithm>
#include <cmath>

namespace fulgurite {
namespace {

constexpr int kChipHeight = 24;
constexpr int kMostWords = 200; // pixels

} // namespace

TermChip::TermChip(ThemeManager& themes, QWidget* parent) : QWidget(parent), themes_(themes) {
    setFocusPolicy(Qt::StrongFocus);
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
    connect(&themes_, &ThemeManager::changed, this, [this] {
        updateGeometry();
        update();
    });
}

QString TermChip::weightText() const {
    return (term_.weight < 0 ? QStringLiteral("−") : QStringLiteral("+")) +
           QLocale().toString(std::abs(term_.weight), 'f', 1);
}

QString TermChip::words() const {
    const QString text = QString::fromStdString(term_.text);
    return term_.image ? tr("like image %1").arg(*term_.image) : term_.picture ? tr("like %1").arg(text) : text;
}

void TermChip::setTerm(const client::CascadeTerm& term) {
    term_ = term;
    setAccessibleName(weightText() + u' ' + words());
    setAccessibleDescription(tr("Up and Down change the weight, Enter types it, Delete takes the term out"));
    setToolTip(words() + u'\n' + accessibleDescription());
    updateGeometry();
    update();
}

QSize TermChip::sizeHint() const {
    const QFontMetrics metrics(themes_.uiFont(12));
    return {metrics.horizontalAdvance(weightText()) + 18 +
                std::min(metrics.horizontalAdvance(words()), themes_.scaled(kMostWords)) + 38,
            themes_.scaled(kChipHeight)};
}

QRectF TermChip::cross() const {
    return {width() - 24.0, 0, 22, static_cast<double>(height())};
}

void TermChip::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const QRectF box = QRectF(rect()).adjusted(1, 1, -1, -1);
    const Role tone = term_.weight < 0 ? Role::Bad : Role::Good;
    QPainterPath outline;
    outline.addRoundedRect(box, box.height() / 2, box.height() / 2);
    painter.fillPath(outline, themes_.color(Role::Panel));
    painter.setFont(themes_.uiFont(12, QFont::DemiBold));
    const double weight = QFontMetricsF(painter.font()).horizontalAdvance(weightText()) + 18;
    painter.save();
    painter.setClipPath(outline);
    painter.fillRect(QRectF(box.left(), box.top(), weight, box.height()), themes_.color(tone, 0.14));
    painter.restore();
    painter.setPen(QPen(themes_.color(hasFocus() ? Role::Focus : Role::Line), hasFocus() ? 2 : 1));
    painter.drawPath(outline);
    painter.setPen(themes_.color(tone));
    painter.drawText(QRectF(box.left() + 8, box.top(), weight, box.height()), Qt::AlignLeft | Qt::AlignVCenter,
                     weightText());
    painter.setFont(themes_.uiFont(12));
    painter.setPen(themes_.color(Role::Text));
    const QRectF text(box.left() + weight + 4, box.top(), cross().left() - weight - 6, box.height());
    painter.drawText(text, Qt::AlignLeft | Qt::AlignVCenter,
                     QFontMetricsF(painter.font()).elidedText(words(), Qt::ElideRight, text.width()));
    painter.setPen(themes_.color(Role::Muted));
    painter.drawText(cross(), Qt::AlignCenter, QStringLiteral("×"));
}

void TermChip::askWeight() {
    bool ok = false;
    const double weight =
        QInputDialog::getDouble(this, tr("Weight of the term"), words(), term_.weight, -10, 10, 1, &ok, {}, 0.1);
    if (ok && weight != term_.weight)
        emit weightChosen(weight);
}

void TermChip::keyPressEvent(QKeyEvent* event) {
    switch (event->key()) {
    case Qt::Key_Up:
        emit weightChosen(term_.weight + 0.1);
        break;
    case Qt::Key_Down:
        emit weightChosen(term_.weight - 0.1);
        break;
    case Qt::Key_Delete:
    case Qt::Key_Backspace:
        emit removed();
        break;
    case Qt::Key_Return:
    case Qt::Key_Enter:
        askWeight();
        break;
    default:
        QWidget::keyPressEvent(event);
    }
}

void TermChip::wheelEvent(QWheelEvent* event) {
    event->accept();
    emit weightChosen(term_.weight + (event->angleDelta().y() > 0 ? 0.1 : -0.1));
}

void TermChip::mousePressEvent(QMouseEvent* event) {
    if (event->button() == Qt::LeftButton && cross().contains(event->position()))
        emit removed();
}

void TermChip::mouseDoubleClickEvent(QMouseEvent* event) {
    if (!cross().contains(event->position()))
        askWeight();
}

} // namespace fulgurite
