// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/retrieve/document_dialog.h"

#include "ui/base/format.h"
#include "ui/base/theme_manager.h"

#include <QLabel>
#include <QPlainTextEdit>
#include <QTextBlock>
#include <QVBoxLayout>

#include <algorithm>

namespace fulgurite {
namespace {

// Bytes of UTF-8 to places in the text as Qt counts them.
int lengthOf(const std::string& text, std::size_t bytes) {
    return static_cast<int>(
        QString::fromUtf8(text.data(), static_cast<qsizetype>(std::min(bytes, text.size()))).size());
}

} // namespace

DocumentDialog::DocumentDialog(ThemeManager& themes, QWidget* parent)
    : QDialog(parent), themes_(themes), facts_(new QLabel), text_(new QPlainTextEdit) {
    resize(themes.scaled(640), themes.scaled(620));
    facts_->setProperty("tone", "small");
    facts_->setWordWrap(true);
    facts_->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    text_->setReadOnly(true);
    text_->setAccessibleName(tr("Text of the document"));
    auto* column = new QVBoxLayout(this);
    column->addWidget(facts_);
    column->addWidget(text_, 1);
}

void DocumentDialog::show(const client::Document& document, const std::optional<client::Passage>& passage) {
    setWindowTitle(QString::fromStdString(document.title));
    QStringList facts;
    if (!document.label.empty()) {
        facts << QString::fromStdString(document.label);
    }
    facts << tr("%1 chunks").arg(grouped(static_cast<qint64>(document.chunks.size())));
    if (!document.source.empty()) {
        facts << QString::fromStdString(document.source);
    }
    facts_->setText(facts.join(QStringLiteral(" · ")));
    text_->setPlainText(QString::fromStdString(document.text));
    text_->setExtraSelections({});
    if (passage) {
        QTextEdit::ExtraSelection found;
        found.cursor = text_->textCursor();
        found.cursor.setPosition(lengthOf(document.text, passage->begin));
        found.cursor.setPosition(lengthOf(document.text, passage->end), QTextCursor::KeepAnchor);
        found.format.setBackground(themes_.color(Role::Selection));
        text_->setExtraSelections({found});
        QTextCursor start = found.cursor;
        start.setPosition(found.cursor.selectionStart());
        text_->setTextCursor(start);
        text_->centerCursor();
    }
    QDialog::show();
    raise();
}

} // namespace fulgurite
