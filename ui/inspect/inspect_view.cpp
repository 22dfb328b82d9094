// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/inspect_view.h"

#include "ui/base/theme_manager.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QStackedWidget>
#include <QVBoxLayout>

namespace fulgurite {

InspectView::InspectView(const InspectServices& services, const QString& id, const QString& title)
    : services_(services), id_(id) {
    setObjectName(QStringLiteral("inspect-") + id);
    setProperty("surface", "card");
    setAccessibleName(title);
    bar_ = new QFrame;
    bar_->setProperty("surface", "panelHeader");
    header_ = new QHBoxLayout(bar_);
    header_->setContentsMargins(10, 0, 6, 0);
    header_->setSpacing(6);
    title_ = new QLabel(title);
    title_->setProperty("tone", "heading");
    header_->addWidget(title_);
    header_->addStretch(1);
    auto* words = new QWidget;
    auto* column = new QVBoxLayout(words);
    column->setContentsMargins(18, 12, 18, 12);
    column->setSpacing(8);
    message_ = new QLabel;
    message_->setTextFormat(Qt::PlainText); // names of files, texts of tokens: markup in them is text
    message_->setWordWrap(true);
    message_->setAlignment(Qt::AlignHCenter | Qt::AlignVCenter);
    message_->setProperty("tone", "muted");
    message_->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    message_->setFocusPolicy(Qt::NoFocus);
    button_ = new QPushButton;
    note_ = new QLabel;
    note_->setTextFormat(Qt::PlainText);
    note_->setProperty("tone", "small");
    note_->setAlignment(Qt::AlignHCenter);
    note_->setWordWrap(true);
    column->addStretch(1);
    column->addWidget(message_);
    column->addWidget(button_, 0, Qt::AlignHCenter);
    column->addWidget(note_);
    column->addStretch(1);
    stack_ = new QStackedWidget;
    stack_->addWidget(words);
    auto* all = new QVBoxLayout(this);
    all->setContentsMargins(1, 1, 1, 1); // of the card's line
    all->setSpacing(0);
    all->addWidget(bar_);
    all->addWidget(stack_, 1);
    const auto fit = [bar = bar_, &themes = services_.themes] {
        bar->setFixedHeight(std::max(metrics::kPanelHeader, themes.scaled(metrics::kPanelHeader)));
    };
    connect(&services_.themes, &ThemeManager::changed, bar_, fit);
    fit();
    connect(button_, &QPushButton::clicked, this, [this] {
        if (run_)
            run_();
    });
    connect(&services_.selection, &Selection::changed, this,
            [this](const InspectState& now, const InspectState& before) { selectionChanged(now, before); });
}

QString InspectView::title() const {
    return accessibleName();
}

void InspectView::setSource(InspectionSource* source) {
    source_ = source;
    ++generation_;
    sourceChanged();
}

void InspectView::setDecay(const capture::DecayMap& decay) {
    decay_ = decay;
    decayChanged();
}

void InspectView::setCaptureOffer(const QString& action, const QString& note) {
    offer_ = action;
    offer_note_ = note;
    if (!not_captured_.isEmpty())
        offerCapture();
}

QString InspectView::messageText() const {
    return stack_->currentIndex() == 0 ? message_->text() : QString();
}

void InspectView::setContent(QWidget* content) {
    stack_->addWidget(content);
    stack_->setCurrentWidget(content);
}

void InspectView::setTitleText(const QString& title) {
    title_->setText(title);
}

void InspectView::addTitleWidget(QWidget* widget) {
    header_->insertWidget(0, widget);
}

void InspectView::addHeaderWidget(QWidget* widget) {
    header_->addWidget(widget);
}

void InspectView::hideHeader() {
    bar_->hide();
}

void InspectView::showContent() {
    not_captured_.clear();
    stack_->setCurrentIndex(stack_->count() - 1);
}

void InspectView::showMessage(const InspectMessage& message) {
    not_captured_.clear();
    message_->setText(message.text);
    button_->setText(message.action);
    button_->setVisible(!message.action.isEmpty());
    button_->setEnabled(message.run != nullptr);
    note_->setText(message.note);
    note_->setVisible(!message.note.isEmpty());
    run_ = message.run;
    stack_->setCurrentIndex(0);
}

void InspectView::showNotCaptured(const QString& what) {
    showMessage(
        {.text = source_ ? tr("%1: not captured for this answer.").arg(what)
                         : tr("%1: nothing is captured yet. Open a capture, or take one of an answer.").arg(what)});
    not_captured_ = what;
    offerCapture();
}

void InspectView::offerCapture() {
    button_->setText(offer_);
    button_->setVisible(!offer_.isEmpty());
    button_->setEnabled(true);
    note_->setText(offer_note_);
    note_->setVisible(!offer_note_.isEmpty());
    run_ = [this] { emit captureWanted(); };
}

void InspectView::showError(const Error& error) {
    showMessage({.text = QString::fromUtf8(error.what())});
}

} // namespace fulgurite
