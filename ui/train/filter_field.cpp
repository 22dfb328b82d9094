// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/filter_field.h"

#include "ui/base/theme_manager.h"

#include <QAbstractItemView>
#include <QApplication>
#include <QCompleter>
#include <QInputMethodEvent>
#include <QKeyEvent>
#include <QStringListModel>
#include <QTextCharFormat>

namespace fulgurite {
namespace {

constexpr int kTypingMilliseconds = 150;
constexpr int kMostCompletions = 200;

Role roleOf(FilterToken::Kind kind) {
    switch (kind) {
    case FilterToken::Kind::Field:
        return Role::SyntaxKeyword;
    case FilterToken::Kind::Value:
        return Role::SyntaxNumber;
    case FilterToken::Kind::Operator:
    case FilterToken::Kind::Logic:
    case FilterToken::Kind::Bracket:
        return Role::Muted;
    case FilterToken::Kind::Word:
        break;
    }
    return Role::Text;
}

QString quoted(const QString& value) {
    const bool plain = !value.isEmpty() && !value.contains(u' ') && !value.contains(u'(') &&
                       !value.contains(u')') && !value.contains(u'=');
    return plain ? value : u'"' + value + u'"';
}

} // namespace

FilterField::FilterField(ThemeManager& themes, RunBoard& board, QWidget* parent)
    : QLineEdit(parent),
      themes_(themes),
      board_(board),
      completer_(new QCompleter(this)),
      words_(new QStringListModel(this)) {
    setObjectName(QStringLiteral("run-filter"));
    setAccessibleName(tr("Filter runs"));
    setPlaceholderText(tr("Filter: task = countdown and seed < 5"));
    setFont(themes.codeFont(12));
    setClearButtonEnabled(true);
    completer_->setModel(words_);
    completer_->setCaseSensitivity(Qt::CaseInsensitive);
    completer_->setFilterMode(Qt::MatchContains);
    completer_->setWidget(this);
    connect(completer_, QOverload<const QString&>::of(&QCompleter::activated), this,
            &FilterField::insertCompletion);
    timer_.setSingleShot(true);
    timer_.setInterval(kTypingMilliseconds);
    connect(&timer_, &QTimer::timeout, this, &FilterField::apply);
    connect(this, &QLineEdit::textChanged, this, [this] {
        if (!painting_) {
            timer_.start();
            paintTokens();
        }
    });
    connect(this, &QLineEdit::textEdited, this, &FilterField::complete);
    connect(&board, &RunBoard::listChanged, this, &FilterField::paintTokens);
    connect(&themes, &ThemeManager::changed, this, [this] {
        setFont(themes_.codeFont(12));
        paintTokens();
    });
}

void FilterField::setFilter(const QString& text) {
    setText(text);
    timer_.stop();
    apply();
}

void FilterField::apply() {
    board_.setFilter(text());
    paintTokens();
}

// A line edit takes formats for parts of its text only as an input method gives them.
void FilterField::paintTokens() {
    const RunFilter filter = RunFilter::parse(text());
    QList<QInputMethodEvent::Attribute> attributes;
    const auto add = [&](qsizetype start, qsizetype length, const QTextCharFormat& format) {
        attributes << QInputMethodEvent::Attribute(QInputMethodEvent::TextFormat,
                                                   static_cast<int>(start) - cursorPosition(),
                                                   static_cast<int>(length), format);
    };
    for (const FilterToken& token : filter.tokens()) {
        QTextCharFormat format;
        format.setForeground(themes_.color(roleOf(token.kind)));
        add(token.start, token.length, format);
    }
    const auto problem = filter.problem() ? filter.problem() : filter.unknownField(*board_.feed().runs());
    if (problem) {
        QTextCharFormat wrong;
        wrong.setForeground(themes_.color(Role::Bad));
        wrong.setUnderlineColor(themes_.color(Role::Bad));
        wrong.setUnderlineStyle(QTextCharFormat::SingleUnderline);
        add(problem->start, problem->length, wrong);
    }
    setToolTip(problem ? problem->message
                       : tr("Fields, comparisons, and, or, not, brackets; a word alone looks in names and tags"));
    painting_ = true;
    QInputMethodEvent event(QString(), attributes);
    QApplication::sendEvent(this, &event);
    painting_ = false;
}

std::pair<int, int> FilterField::wordAtCursor() const {
    const QString all = text();
    int start = cursorPosition();
    while (start > 0 && !QStringLiteral(" ()=<>!~").contains(all[start - 1])) {
        --start;
    }
    return {start, cursorPosition() - start};
}

void FilterField::complete() {
    const auto [start, length] = wordAtCursor();
    const QString before = text().left(start).trimmed();
    const QString word = text().mid(start, length);
    QStringList words;
    if (before.endsWith(u'=') || before.endsWith(u'~')) {
        QString field = before;
        while (!field.isEmpty() && QStringLiteral("=!~ ").contains(field.back())) {
            field.chop(1);
        }
        words = RunFilter::fieldValues(*board_.feed().runs(), field.section(u' ', -1).section(u'(', -1));
    } else if (!word.isEmpty()) {
        words = RunFilter::fieldNames(*board_.feed().runs());
    }
    if (words.isEmpty() || words.contains(word)) {
        completer_->popup()->hide();
        return;
    }
    words_->setStringList(words.mid(0, kMostCompletions));
    completer_->setCompletionPrefix(word);
    if (completer_->completionCount() > 0) {
        completer_->complete();
    } else {
        completer_->popup()->hide();
    }
}

void FilterField::insertCompletion(const QString& chosen) {
    const auto [start, length] = wordAtCursor();
    const QString before = text().left(start).trimmed();
    const bool value = before.endsWith(u'=') || before.endsWith(u'~');
    setSelection(start, length);
    insert(value ? quoted(chosen) + u' ' : chosen + u' ');
}

bool FilterField::event(QEvent* event) {
    // Tab completes while there is something to complete; else it moves on.
    if (event->type() == QEvent::KeyPress && static_cast<QKeyEvent*>(event)->key() == Qt::Key_Tab &&
        completer_->popup()->isVisible()) {
        const QModelIndex current = completer_->popup()->currentIndex();
        insertCompletion(current.isValid() ? current.data().toString() : completer_->currentCompletion());
        completer_->popup()->hide();
        return true;
    }
    return QLineEdit::event(event);
}

void FilterField::keyPressEvent(QKeyEvent* event) {
    if (event->key() == Qt::Key_Down && !completer_->popup()->isVisible()) {
        emit leaveDown();
        return;
    }
    if (event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter) {
        timer_.stop();
        apply();
        return;
    }
    QLineEdit::keyPressEvent(event);
}

} // namespace fulgurite
