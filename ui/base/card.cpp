// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/base/card.h"

#include "ui/base/theme_manager.h"

#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QStackedWidget>
#include <QVBoxLayout>

#include <algorithm>

namespace fulgurite {
namespace {

constexpr int kHeader = 30;

} // namespace

Card::Card(ThemeManager& themes, const QString& title, QWidget* parent) : QFrame(parent) {
    setProperty("surface", "card");
    setAccessibleName(title);
    auto* bar = new QFrame;
    bar->setProperty("surface", "panelHeader");
    header_ = new QHBoxLayout(bar);
    header_->setContentsMargins(10, 0, 6, 0);
    header_->setSpacing(8);
    auto* name = new QLabel(title);
    name->setProperty("tone", "heading");
    note_ = new QLabel;
    note_->setProperty("tone", "small");
    note_->setMinimumWidth(0);
    note_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    note_->installEventFilter(this);
    header_->addWidget(name);
    header_->addWidget(note_, 1);
    message_ = new QLabel;
    message_->setWordWrap(true);
    message_->setAlignment(Qt::AlignCenter);
    message_->setProperty("tone", "muted");
    message_->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    message_->setFocusPolicy(Qt::NoFocus);
    button_ = new QPushButton;
    button_->hide(); // until there is something to do
    auto* words = new QWidget;
    auto* column = new QVBoxLayout(words);
    column->setContentsMargins(18, 10, 18, 10);
    column->addStretch(1);
    column->addWidget(message_);
    column->addWidget(button_, 0, Qt::AlignHCenter);
    column->addStretch(1);
    stack_ = new QStackedWidget;
    stack_->addWidget(words);
    auto* all = new QVBoxLayout(this);
    all->setContentsMargins(1, 1, 1, 1); // of the card's line
    all->setSpacing(0);
    all->addWidget(bar);
    all->addWidget(stack_, 1);
    const auto fit = [bar, &themes] { bar->setFixedHeight(std::max(kHeader, themes.scaled(kHeader))); };
    connect(&themes, &ThemeManager::changed, bar, fit);
    fit();
    connect(button_, &QPushButton::clicked, this, [this] {
        if (run_)
            run_();
    });
}

void Card::setNote(const QString& text) {
    note_text_ = text;
    note_->setToolTip(text);
    elideNote();
}

void Card::elideNote() {
    note_->setText(note_->fontMetrics().elidedText(note_text_, Qt::ElideRight, std::max(0, note_->width())));
}

bool Card::eventFilter(QObject* watched, QEvent* event) {
    if (watched == note_ && event->type() == QEvent::Resize)
        elideNote();
    return QFrame::eventFilter(watched, event);
}

void Card::addHeaderWidget(QWidget* widget) {
    header_->addWidget(widget);
}

void Card::setContent(QWidget* content) {
    stack_->addWidget(content);
    stack_->setCurrentIndex(1);
}

void Card::showContent() {
    stack_->setCurrentIndex(1);
}

void Card::showMessage(const QString& text, const QString& action, std::function<void()> run) {
    message_->setText(text);
    button_->setText(action);
    button_->setAccessibleName(action);
    button_->setVisible(!action.isEmpty());
    run_ = std::move(run);
    stack_->setCurrentIndex(0);
}

QString Card::messageText() const {
    return stack_->currentIndex() == 0 ? message_->text() : QString();
}

} // namespace fulgurite
