// SPDX-License-Identifier: GPL-3.0-or-later
// Rows of notices.
#include "ui/shell/notice_bar.h"

#include "ui/base/notices.h"
#include "ui/base/theme_manager.h"

#include <QAccessible>
#include <QApplication>
#include <QClipboard>
#include <QFrame>
#include <QHBoxLayout>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QToolButton>
#include <QVBoxLayout>

namespace fulgurite {
namespace {

constexpr int kShown = 3;

QPushButton* quietButton(const QString& text) {
    auto* button = new QPushButton(text);
    button->setAccessibleName(text);
    return button;
}

QString iconOf(Severity severity) {
    switch (severity) {
    case Severity::Info:
        return QStringLiteral("info");
    case Severity::Warning:
        return QStringLiteral("warning");
    case Severity::Error:
        break;
    }
    return QStringLiteral("error");
}

Role roleOf(Severity severity) {
    return severity == Severity::Error ? Role::Bad : severity == Severity::Warning ? Role::Warn : Role::Focus;
}

} // namespace

NoticeBar::NoticeBar(ThemeManager& themes, Notices& notices, QWidget* parent)
    : QWidget(parent), themes_(themes), notices_(notices), rows_(new QVBoxLayout(this)) {
    setAccessibleName(QStringLiteral("Notices"));
    rows_->setContentsMargins(0, 0, 0, 0);
    rows_->setSpacing(0);
    connect(&notices, &Notices::changed, this, &NoticeBar::rebuild);
    connect(&notices, &Notices::posted, this, [this] {
        QAccessibleEvent spoken(this, QAccessible::Alert);
        QAccessible::updateAccessibility(&spoken);
    });
    rebuild();
}

void NoticeBar::rebuild() {
    while (QLayoutItem* item = rows_->takeAt(0)) {
        item->widget()->hide();
        item->widget()->deleteLater(); // a button of it may be what called us
        delete item;
    }
    const QList<Notice>& all = notices_.all();
    for (qsizetype i = 0; i < all.size() && i < kShown; ++i)
        rows_->addWidget(makeRow(all[i]));
    if (all.size() > kShown) {
        auto* more = new QLabel(QStringLiteral("and %1 earlier").arg(all.size() - kShown));
        more->setProperty("tone", "small");
        more->setContentsMargins(14, 2, 14, 2);
        rows_->addWidget(more);
    }
    setVisible(!all.isEmpty());
}

QWidget* NoticeBar::makeRow(const Notice& notice) {
    auto* frame = new QFrame;
    frame->setProperty("surface", "notice");
    frame->setAccessibleName(notice.text);
    auto* column = new QVBoxLayout(frame);
    column->setContentsMargins(12, 5, 8, 5);
    auto* row = new QHBoxLayout;
    row->setSpacing(8);
    column->addLayout(row);

    auto* sign = new QLabel;
    sign->setPixmap(themes_.icon(iconOf(notice.severity), roleOf(notice.severity)).pixmap(16, 16));
    auto* text = new QLabel(notice.text);
    text->setWordWrap(true);
    text->setTextFormat(Qt::PlainText);
    text->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    text->setAccessibleName(notice.text);
    row->addWidget(sign, 0, Qt::AlignTop);
    row->addWidget(text, 1);

    if (!notice.details.isEmpty()) {
        auto* details = new QPlainTextEdit(notice.details);
        details->setReadOnly(true);
        details->setFont(themes_.codeFont(11));
        details->setMaximumHeight(160);
        details->setAccessibleName(QStringLiteral("Details"));
        details->hide();
        column->addWidget(details);
        auto* toggle = quietButton(QStringLiteral("Show log"));
        connect(toggle, &QPushButton::clicked, details, [details, toggle] {
            details->setVisible(!details->isVisible());
            toggle->setText(details->isVisible() ? QStringLiteral("Hide log") : QStringLiteral("Show log"));
        });
        row->addWidget(toggle);
    }
    for (const NoticeAction& action : notice.actions) {
        auto* button = quietButton(action.title);
        connect(button, &QPushButton::clicked, this, [this, action, id = notice.id] {
            if (action.dismisses)
                notices_.dismiss(id);
            action.run();
        });
        row->addWidget(button);
    }
    auto tool = [this, row](const QString& icon, const QString& name) {
        auto* button = new QToolButton;
        button->setIcon(themes_.icon(icon));
        button->setToolTip(name);
        button->setAccessibleName(name);
        button->setFocusPolicy(Qt::StrongFocus);
        row->addWidget(button);
        return button;
    };
    connect(tool(QStringLiteral("copy"), QStringLiteral("Copy this notice")), &QToolButton::clicked, this,
            [all = notice.text + (notice.details.isEmpty() ? QString() : QLatin1Char('\n') + notice.details)] {
                QApplication::clipboard()->setText(all);
            });
    connect(tool(QStringLiteral("close"), QStringLiteral("Dismiss this notice")), &QToolButton::clicked, this,
            [this, id = notice.id] { notices_.dismiss(id); });
    return frame;
}

} // namespace fulgurite
