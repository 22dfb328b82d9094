// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/retrieve/prompts_dialog.h"

#include "ui/base/theme_manager.h"

#include <QDialogButtonBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QVBoxLayout>

namespace fulgurite {

PromptsDialog::PromptsDialog(ThemeManager& themes, const QStringList& prompts, QWidget* parent)
    : QDialog(parent),
      field_(new QPlainTextEdit(prompts.join(u'\n'))),
      write_(new QPushButton(tr("Let the &model write them"))),
      note_(new QLabel) {
    setWindowTitle(tr("Prompts of the fusion strategies"));
    resize(themes.scaled(520), themes.scaled(320));
    auto* words =
        new QLabel(tr("One phrasing of the query in each &line. Each is searched for by itself; the lists are "
                      "merged by rank."));
    words->setWordWrap(true);
    words->setBuddy(field_);
    field_->setAccessibleName(tr("Prompts"));
    field_->setTabChangesFocus(true);
    note_->setProperty("tone", "small");
    note_->setWordWrap(true);
    note_->setTextFormat(Qt::PlainText);
    auto* buttons = new QDialogButtonBox(QDialogButtonBox::Ok | QDialogButtonBox::Cancel);
    auto* row = new QHBoxLayout;
    row->addWidget(write_);
    row->addWidget(note_, 1);
    auto* column = new QVBoxLayout(this);
    column->addWidget(words);
    column->addWidget(field_, 1);
    column->addLayout(row);
    column->addWidget(buttons);
    write_->setAutoDefault(false);
    connect(buttons, &QDialogButtonBox::accepted, this, &QDialog::accept);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    connect(write_, &QPushButton::clicked, this, [this] {
        write_->setEnabled(false);
        note_->setText(tr("The model is writing…"));
        emit writeWanted();
    });
}

QStringList PromptsDialog::prompts() const {
    QStringList lines;
    for (const QString& line : field_->toPlainText().split(u'\n')) {
        if (const QString text = line.trimmed(); !text.isEmpty()) {
            lines << text;
        }
    }
    return lines;
}

void PromptsDialog::setObstacle(const QString& reason) {
    obstacle_ = reason;
    write_->setEnabled(reason.isEmpty());
    note_->setText(reason);
}

void PromptsDialog::setWritten(const QStringList& prompts, const QString& problem) {
    write_->setEnabled(obstacle_.isEmpty());
    if (!problem.isEmpty() || prompts.isEmpty()) {
        note_->setText(problem.isEmpty()
                           ? tr("The model wrote nothing that can be searched for. Write some yourself.")
                           : problem);
        return;
    }
    note_->setText(tr("Written by the model: look them over. Ctrl+Z brings back what was there."));
    QTextCursor all(field_->document());
    all.select(QTextCursor::Document);
    all.insertText(prompts.join(u'\n'));
    field_->setFocus();
}

} // namespace fulgurite
