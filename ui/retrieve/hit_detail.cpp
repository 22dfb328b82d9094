// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/retrieve/hit_detail.h"

#include "ui/base/background.h"
#include "ui/base/theme_manager.h"
#include "ui/retrieve/aspects.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QMouseEvent>
#include <QPainter>
#include <QPushButton>
#include <QVBoxLayout>

#include <algorithm>
#include <numeric>

namespace fulgurite {
namespace {

constexpr int kNamedParts = 3;
constexpr qsizetype kPassage = 180; // characters; the whole is a key away
constexpr int kScaleEnds = 2;       // ranks shown on either side of the fall

QString numbers(const std::vector<std::size_t>& heads) {
    QStringList texts;
    for (const std::size_t head : heads) {
        texts << QString::number(head);
    }
    return texts.join(QStringLiteral(", "));
}

} // namespace

VoteParts::VoteParts(ThemeManager& themes, QWidget* parent) : QWidget(parent), themes_(themes) {
    setFixedHeight(themes.scaled(36));
    setAccessibleName(tr("Votes that make up the total"));
}

void VoteParts::setVotes(const std::vector<retrieval::HeadVote>& votes, const QColor& color, const QColor& rest) {
    color_ = color;
    rest_ = rest;
    parts_.clear();
    std::vector<int> order(votes.size());
    std::iota(order.begin(), order.end(), 0);
    const auto voteOf = [&votes](int head) { return votes[static_cast<std::size_t>(head)].vote; };
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return voteOf(a) > voteOf(b); });
    Part others{-1, 0, 0, {}};
    QStringList told;
    for (const int head : order) {
        if (voteOf(head) <= 0) {
            break;
        }
        if (static_cast<int>(parts_.size()) < kNamedParts) {
            parts_.push_back({head, 1, voteOf(head), {}});
            told << tr("head %1: %2").arg(head).arg(voteOf(head), 0, 'f', 2);
        } else {
            ++others.heads;
            others.votes += voteOf(head);
        }
    }
    if (others.heads > 0) {
        parts_.push_back(others);
        told << tr("%1 others: %2").arg(others.heads).arg(others.votes, 0, 'f', 2);
    }
    setAccessibleDescription(told.join(QStringLiteral(", ")));
    setToolTip(told.join(u'\n'));
    update();
}

void VoteParts::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const double total = std::accumulate(parts_.begin(), parts_.end(), 0.0,
                                         [](double sum, const Part& part) { return sum + part.votes; });
    if (total <= 0) {
        return;
    }
    const double bar = height() * 0.55;
    double left = 0;
    for (Part& part : parts_) {
        const double width = this->width() * part.votes / total;
        part.rect = QRectF(left, 0, std::max(1.0, width - 1), bar);
        const QColor& ground = part.head < 0 ? rest_ : color_;
        painter.setPen(Qt::NoPen);
        painter.setBrush(ground);
        painter.drawRoundedRect(part.rect, 2, 2);
        const QColor ink(0x12, 0x15, 0x1a);
        painter.setPen(contrastRatio(ground, ink) >= contrastRatio(ground, Qt::white) ? ink : QColor(Qt::white));
        painter.setFont(themes_.uiFont(11, QFont::DemiBold));
        const QString name = part.head < 0 ? tr("%1 others").arg(part.heads) : QString::number(part.head);
        if (QFontMetricsF(painter.font()).horizontalAdvance(name) + 4 <= part.rect.width()) {
            painter.drawText(part.rect, Qt::AlignCenter, name);
        }
        painter.setFont(themes_.uiFont(10.5));
        painter.setPen(themes_.color(Role::Muted));
        const QString votes = QLocale().toString(part.votes, 'f', 2);
        if (QFontMetricsF(painter.font()).horizontalAdvance(votes) <= part.rect.width()) {
            painter.drawText(QRectF(left, bar + 1, part.rect.width(), height() - bar - 1), Qt::AlignCenter, votes);
        }
        left += width;
    }
}

void VoteParts::mousePressEvent(QMouseEvent* event) {
    for (const Part& part : parts_) {
        if (part.head >= 0 && part.rect.contains(event->position())) {
            emit headChosen(part.head);
        }
    }
}

RankScale::RankScale(ThemeManager& themes, QWidget* parent) : QWidget(parent), themes_(themes) {
    setFixedHeight(themes.scaled(30));
}

void RankScale::setFall(int before, int after, bool unvoted, const QColor& color) {
    before_ = before;
    after_ = after;
    unvoted_ = unvoted;
    color_ = color;
    update();
}

void RankScale::paintEvent(QPaintEvent*) {
    if (before_ == 0) {
        return;
    }
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const int low = std::max(1, before_ - kScaleEnds);
    const int high = std::max(after_ + kScaleEnds, low + 9);
    const double left = 8;
    const double step = (width() - 2 * left) / std::max(1, high - low);
    const auto x = [&](int rank) { return left + step * (rank - low); };
    const double y = height() * 0.3;
    painter.setFont(themes_.uiFont(10.5));
    const int every = std::max(1, static_cast<int>(18 / std::max(step, 0.1)) + 1);
    for (int rank = low; rank <= high; ++rank) {
        const bool end = rank == before_ || (rank == after_ && !unvoted_);
        if (!end && (rank % every != 0)) {
            continue;
        }
        painter.setPen(Qt::NoPen);
        painter.setBrush(themes_.color(Role::Faint));
        painter.drawEllipse(QPointF(x(rank), y), 1.5, 1.5);
        painter.setPen(themes_.color(end ? Role::Text : Role::Muted));
        painter.drawText(QRectF(x(rank) - 20, y + 5, 40, height() - y - 5), Qt::AlignHCenter | Qt::AlignTop,
                         QString::number(rank));
    }
    if (after_ == before_ && !unvoted_) {
        paintMarkAt(painter, {x(before_), y});
        return;
    }
    const double to = unvoted_ ? width() - left : x(after_);
    painter.setPen(QPen(color_, 2, unvoted_ ? Qt::DashLine : Qt::SolidLine));
    painter.drawLine(QPointF(x(before_), y), QPointF(to - 6, y));
    painter.drawLine(QPointF(to - 10, y - 4), QPointF(to - 6, y));
    painter.drawLine(QPointF(to - 10, y + 4), QPointF(to - 6, y));
    paintMarkAt(painter, {x(before_), y});
    if (!unvoted_) {
        painter.setBrush(Qt::NoBrush);
        painter.drawEllipse(QPointF(to, y), 4, 4);
    }
}

void RankScale::paintMarkAt(QPainter& painter, QPointF at) const {
    painter.setPen(QPen(color_, 2));
    painter.setBrush(color_);
    painter.drawEllipse(at, 4, 4);
}

HitDetail::HitDetail(ThemeManager& themes, RetrieveSession& session, QWidget* parent)
    : QFrame(parent), themes_(themes), session_(session) {
    setProperty("surface", "raised");
    setAccessibleName(tr("How the hit came to its place"));
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(12, 6, 10, 10);
    column->setSpacing(7);
    passage_ = new QLabel;
    passage_->setWordWrap(true);
    passage_->setTextFormat(Qt::PlainText);
    passage_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    passage_->setProperty("tone", "muted");
    parts_ = new VoteParts(themes);
    card_ = new QFrame;
    card_->setProperty("surface", "card");
    sentence_ = new QLabel;
    sentence_->setWordWrap(true);
    sentence_->setProperty("tone", "strong");
    scale_ = new RankScale(themes);
    switch_off_ = new QPushButton(tr("Switch off"));
    inspect_ = new QPushButton(tr("Inspect"));
    auto* cite = new QPushButton(tr("Cite"));
    auto* buttons = new QHBoxLayout;
    buttons->setSpacing(6);
    for (QPushButton* button : {switch_off_, inspect_, cite}) {
        button->setProperty("kind", "link"); // three of them fit into the narrowest column
        buttons->addWidget(button);
    }
    buttons->addStretch(1);
    auto* inside = new QVBoxLayout(card_);
    inside->setContentsMargins(10, 8, 10, 8);
    inside->setSpacing(6);
    inside->addWidget(sentence_);
    inside->addWidget(scale_);
    inside->addLayout(buttons);
    column->addWidget(passage_);
    column->addWidget(parts_);
    column->addWidget(card_);
    connect(switch_off_, &QPushButton::clicked, this, [this] { session_.heads().switchOff(group_); });
    connect(inspect_, &QPushButton::clicked, this,
            [this] { emit inspectWanted(static_cast<int>(group_.front())); });
    connect(cite, &QPushButton::clicked, this, [this] { emit citeWanted(session_.document()); });
    connect(parts_, &VoteParts::headChosen, &session_, &RetrieveSession::setHead);
}

QString HitDetail::sentence() const {
    return sentence_->text();
}

int HitDetail::show(int width) {
    const RankColumn& column = session_.columns()[static_cast<std::size_t>(session_.column())];
    const StrategyInfo& info = strategyInfo(column.strategy);
    const QString passage = session_.passage(session_.document());
    passage_->setText(passage.size() <= kPassage ? passage : passage.left(kPassage) + QChar(0x2026));
    passage_->setVisible(!passage_->text().isEmpty());
    const bool votes = column.lists != nullptr;
    parts_->setVisible(votes);
    scale_->setVisible(votes);
    switch_off_->setVisible(votes && info.byHeads());
    inspect_->setVisible(votes && info.byHeads());
    if (votes) {
        const QColor color = themes_.color(info.role);
        QColor rest = color;
        rest.setAlphaF(0.35f);
        parts_->setVotes(retrieval::votesFor(*column.lists, *info.rule, session_.document(), column.on), color,
                         rest);
        explain(column);
    } else {
        ++asked_;
        sentence_->setText(tr("%1 looks at %2: there are no votes to take apart.").arg(info.title, info.note));
    }
    // Word wrap makes the height follow the width.
    setFixedWidth(width - 3);
    layout()->activate();
    return layout()->hasHeightForWidth() ? layout()->heightForWidth(width - 3) + 1 : sizeHint().height();
}

void HitDetail::explain(const RankColumn& column) {
    const quint64 mine = ++asked_;
    // Room for the longest sentence, so that nothing moves when it comes.
    sentence_->setMinimumHeight(2 * QFontMetrics(themes_.uiFont(13, QFont::DemiBold)).height());
    inBackground(
        this,
        [lists = *column.lists, rule = *strategyInfo(column.strategy).rule, document = session_.document(),
         on = column.on] { return retrieval::leaveOut(lists, rule, document, on); },
        [this, mine](const retrieval::LeaveOut& fall) {
            if (mine == asked_) {
                showFall(fall);
            }
        });
}

void HitDetail::showFall(const retrieval::LeaveOut& fall) {
    const RankColumn& column = session_.columns()[static_cast<std::size_t>(session_.column())];
    const bool heads = strategyInfo(column.strategy).byHeads();
    group_ = fall.heads;
    const int before = static_cast<int>(fall.before) + 1;
    const int after = static_cast<int>(fall.after) + 1;
    const QString what = heads ? (group_.size() == 1 ? tr("head %1") : tr("heads %1"))
                               : (group_.size() == 1 ? tr("piece %1") : tr("pieces %1"));
    if (group_.empty()) {
        sentence_->setText(heads ? tr("No group of up to 3 heads moves it down.")
                                 : tr("No group of up to 3 pieces moves it down."));
    } else if (fall.unvoted) {
        sentence_->setText(tr("Without %1 nobody votes for it: it falls from %2 out of the list.")
                               .arg(what.arg(numbers(group_)))
                               .arg(before));
    } else {
        sentence_->setText(
            tr("Without %1 it falls from %2 to %3.").arg(what.arg(numbers(group_))).arg(before).arg(after));
    }
    const int aspect = session_.aspect(session_.document());
    scale_->setFall(before, group_.empty() ? before : after, fall.unvoted,
                    themes_.color(aspect >= 0 ? aspectRole(aspect) : strategyInfo(column.strategy).role));
    scale_->setAccessibleName(sentence_->text());
    switch_off_->setEnabled(!group_.empty());
    inspect_->setEnabled(!group_.empty());
    inspect_->setToolTip(
        group_.empty() ? QString() : tr("Look at the query with head %1 on the Inspect page").arg(group_.front()));
    emit explained();
}

} // namespace fulgurite
