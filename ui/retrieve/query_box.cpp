// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/retrieve/query_box.h"

#include "ui/base/theme_manager.h"
#include "ui/retrieve/aspects.h"
#include "ui/retrieve/retrieve_session.h"

#include <QComboBox>
#include <QHBoxLayout>
#include <QIntValidator>
#include <QKeyEvent>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QRegularExpression>
#include <QStyle>
#include <QVBoxLayout>

#include <algorithm>

namespace fulgurite {
namespace {

constexpr int kLeastLines = 2;
constexpr int kMostLines = 5;
constexpr int kMostCount = 200;

QComboBox* numberBox(const QString& name, const QString& tip, std::initializer_list<int> numbers) {
    auto* box = new QComboBox;
    box->setEditable(true);
    box->setValidator(new QIntValidator(1, kMostCount, box));
    box->setAccessibleName(name);
    box->setToolTip(tip);
    for (const int number : numbers) {
        box->addItem(QString::number(number));
    }
    box->setFixedWidth(64);
    return box;
}

} // namespace

AspectHighlighter::AspectHighlighter(ThemeManager& themes, const RetrieveSession& session, QTextDocument* document)
    : QSyntaxHighlighter(document), themes_(themes), session_(session) {}

QString spokenTitle(const QString& title) {
    static const QRegularExpression kBrackets(QStringLiteral("\\s*\\([^)]*\\)\\s*$"));
    static const QRegularExpression kArticle(QStringLiteral("^the\\s+"), QRegularExpression::CaseInsensitiveOption);
    return QString(title).remove(kBrackets).remove(kArticle);
}

void AspectHighlighter::highlightBlock(const QString& text) {
    for (std::size_t i = 0; i < session_.relevant().size(); ++i) {
        const QString title = spokenTitle(session_.documents().title(session_.relevant()[i]));
        if (title.isEmpty()) {
            continue;
        }
        QTextCharFormat format;
        format.setUnderlineStyle(QTextCharFormat::SingleUnderline);
        format.setUnderlineColor(themes_.color(aspectRole(static_cast<int>(i))));
        format.setFontWeight(QFont::DemiBold);
        for (qsizetype at = text.indexOf(title, 0, Qt::CaseInsensitive); at >= 0;
             at = text.indexOf(title, at + title.size(), Qt::CaseInsensitive)) {
            setFormat(static_cast<int>(at), static_cast<int>(title.size()), format);
        }
    }
}

QueryBox::QueryBox(ThemeManager& themes, RetrieveSession& session, QWidget* parent)
    : QFrame(parent), themes_(themes), field_(new QPlainTextEdit) {
    setProperty("surface", "card");
    field_->setProperty("kind", "bare");
    field_->setPlaceholderText(tr("What are you looking for? Several things at once are what heads are for."));
    field_->setAccessibleName(tr("Query"));
    field_->setTabChangesFocus(true);
    field_->setVerticalScrollBarPolicy(Qt::ScrollBarAsNeeded);
    field_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    field_->installEventFilter(this);
    aspects_ = new AspectHighlighter(themes, session, field_->document());
    count_ = numberBox(tr("n"), tr("n: how many documents each strategy returns"), {5, 10, 15, 20, 30, 50});
    nearest_ =
        numberBox(tr("c"), tr("c: how many of its nearest documents each head votes for"), {5, 10, 16, 32, 64});
    setCounts(10, 32);
    search_ = new QPushButton(tr("Search"));
    search_->setProperty("kind", "accent");
    status_ = new QLabel;
    status_->setProperty("tone", "small");
    status_->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
    status_->setTextFormat(Qt::PlainText);

    auto* side = new QVBoxLayout;
    side->setContentsMargins(10, 8, 10, 6);
    side->setSpacing(4);
    auto* numbers = new QHBoxLayout;
    numbers->setSpacing(6);
    numbers->addStretch(1);
    for (const auto& [name, box] : {std::pair(tr("n"), count_), std::pair(tr("c"), nearest_)}) {
        auto* label = new QLabel(name);
        label->setProperty("tone", "muted");
        label->setBuddy(box);
        numbers->addWidget(label);
        numbers->addWidget(box);
    }
    numbers->addWidget(search_);
    side->addLayout(numbers);
    side->addWidget(status_);
    auto* rule = new QFrame;
    rule->setProperty("surface", "rule");
    rule->setFixedWidth(1);
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(8, 1, 1, 1);
    row->setSpacing(0);
    row->addWidget(field_, 1);
    row->addWidget(rule);
    row->addLayout(side);
    connect(search_, &QPushButton::clicked, this, &QueryBox::searchWanted);
    connect(field_, &QPlainTextEdit::textChanged, this, &QueryBox::fitHeight);
    connect(&session, &RetrieveSession::relevantChanged, aspects_, &QSyntaxHighlighter::rehighlight);
    connect(&themes, &ThemeManager::changed, this, [this] {
        aspects_->rehighlight();
        fitHeight();
    });
    fitHeight();
}

QString QueryBox::text() const {
    return field_->toPlainText().trimmed();
}

void QueryBox::setText(const QString& text) {
    if (text != field_->toPlainText()) {
        field_->setPlainText(text);
    }
}

int QueryBox::count() const {
    return std::clamp(count_->currentText().toInt(), 1, kMostCount);
}

int QueryBox::nearest() const {
    return std::clamp(nearest_->currentText().toInt(), 1, kMostCount);
}

void QueryBox::setCounts(int count, int nearest) {
    count_->setCurrentText(QString::number(count));
    nearest_->setCurrentText(QString::number(nearest));
}

void QueryBox::setStatus(const QString& status, bool bad) {
    status_->setText(status);
    status_->setToolTip(status);
    const char* tone = bad ? "bad" : "small";
    if (status_->property("tone").toByteArray() != tone) {
        status_->setProperty("tone", tone);
        status_->style()->unpolish(status_);
        status_->style()->polish(status_);
    }
}

void QueryBox::setObstacle(const QString& reason) {
    obstacle_ = reason;
    search_->setEnabled(reason.isEmpty());
    search_->setToolTip(reason);
}

void QueryBox::focusField() {
    field_->setFocus();
    field_->selectAll();
}

void QueryBox::fitHeight() {
    field_->document()->setDefaultFont(themes_.uiFont(14));
    const double line = QFontMetricsF(themes_.uiFont(14)).lineSpacing();
    const int lines = std::clamp(static_cast<int>(field_->document()->size().height()), kLeastLines, kMostLines);
    setFixedHeight(static_cast<int>(line * lines) + themes_.scaled(34));
}

void QueryBox::resizeEvent(QResizeEvent* event) {
    QFrame::resizeEvent(event);
    // The field gets its new width after this frame, and knows only then how many lines it needs.
    QMetaObject::invokeMethod(this, &QueryBox::fitHeight, Qt::QueuedConnection);
}

bool QueryBox::eventFilter(QObject* watched, QEvent* event) {
    if (watched == field_ && event->type() == QEvent::KeyPress) {
        const auto* key = static_cast<QKeyEvent*>(event);
        const bool enter = key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter;
        if (enter && !key->modifiers().testFlag(Qt::ShiftModifier)) {
            if (obstacle_.isEmpty()) {
                emit searchWanted();
            }
            return true;
        }
    }
    return QFrame::eventFilter(watched, event);
}

} // namespace fulgurite
