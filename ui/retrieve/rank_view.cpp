// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/retrieve/rank_view.h"

#include "ui/base/theme_manager.h"
#include "ui/retrieve/aspects.h"
#include "ui/retrieve/rank_columns.h"

#include <QLabel>
#include <QPainter>
#include <QPushButton>
#include <QScrollArea>
#include <QScrollBar>
#include <QStackedWidget>
#include <QVBoxLayout>

#include <algorithm>

namespace fulgurite {
namespace {

constexpr int kHeight = 34;
constexpr double kLetter = 15;

} // namespace

RankHeader::RankHeader(ThemeManager& themes, RetrieveSession& session, const RankColumns& columns, QWidget* parent)
    : QWidget(parent), themes_(themes), session_(session), columns_(columns) {
    setAccessibleName(tr("Strategies"));
    refresh();
}

void RankHeader::setOffset(int pixels) {
    offset_ = pixels;
    placeChips();
    update();
}

void RankHeader::refresh() {
    setFixedHeight(themes_.scaled(kHeight));
    while (chips_.size() < columns_.layout().columns()) {
        auto* chip = new QPushButton(this);
        chip->setProperty("kind", "chip");
        chip->setToolTip(tr("Switch all heads on"));
        connect(chip, &QPushButton::clicked, this, [this] { session_.heads().all(); });
        chips_ << chip;
    }
    placeChips();
    update();
}

void RankHeader::placeChips() {
    const std::size_t off = session_.heads().off();
    for (int i = 0; i < chips_.size(); ++i) {
        const bool shown = i < columns_.layout().columns() && off > 0 &&
                           strategyInfo(session_.columns()[static_cast<std::size_t>(i)].strategy).byHeads();
        chips_[i]->setVisible(shown);
        if (!shown) {
            continue;
        }
        chips_[i]->setText(off == 1 ? tr("1 head off ×") : tr("%1 heads off ×").arg(off));
        const StrategyInfo& info = strategyInfo(session_.columns()[static_cast<std::size_t>(i)].strategy);
        const QRectF column = columns_.layout().column(i);
        const double name = QFontMetricsF(themes_.uiFont(13, QFont::DemiBold)).horizontalAdvance(info.title);
        const QSize size = chips_[i]->sizeHint();
        chips_[i]->setGeometry(static_cast<int>(column.left() + 34 + name) - offset_,
                               (height() - size.height()) / 2, size.width(), size.height());
    }
}

void RankHeader::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.fillRect(QRectF(0, height() - 1, width(), 1), themes_.color(Role::Line));
    for (int i = 0; i < columns_.layout().columns(); ++i) {
        const RankColumn& ranking = session_.columns()[static_cast<std::size_t>(i)];
        const StrategyInfo& info = strategyInfo(ranking.strategy);
        const QRectF column = columns_.layout().column(i).translated(-offset_, 0);
        const double middle = height() / 2.0;
        paintMark(painter, {column.left() + 14, middle}, 9, info.mark, themes_.color(info.role));
        painter.setFont(themes_.uiFont(13, QFont::DemiBold));
        painter.setPen(themes_.color(Role::Text));
        painter.drawText(QRectF(column.left() + 26, 0, column.width() - 26, height()),
                         Qt::AlignLeft | Qt::AlignVCenter, info.title);
        if (session_.relevant().empty() || !ranking.problem.isEmpty()) {
            continue;
        }
        const auto aspects = static_cast<int>(session_.relevant().size());
        int found = 0;
        std::vector<bool> hit;
        for (const std::int32_t document : session_.relevant()) {
            const int place = ranking.place(document);
            hit.push_back(place >= 0 && place < session_.count());
            found += hit.back() ? 1 : 0;
        }
        // Letters as long as there is room beside the name and the chip.
        const double name = QFontMetricsF(painter.font()).horizontalAdvance(info.title);
        const double chip = chips_[i]->isVisible() ? chips_[i]->width() + 8 : 0;
        const double room = column.width() - 34 - name - chip - 36;
        double right = column.right() - 8;
        if (room >= aspects * (kLetter + 2)) {
            for (int aspect = aspects - 1; aspect >= 0; --aspect) {
                right -= kLetter;
                paintAspect(painter, {right, middle - kLetter / 2, kLetter, kLetter}, aspect,
                            !hit[static_cast<std::size_t>(aspect)], themes_);
                right -= 2;
            }
        }
        painter.setFont(themes_.uiFont(11.5));
        painter.setPen(themes_.color(Role::Muted));
        painter.drawText(QRectF(column.left(), 0, right - 3 - column.left(), height()),
                         Qt::AlignRight | Qt::AlignVCenter, QStringLiteral("%1/%2").arg(found).arg(aspects));
    }
}

RankView::RankView(ThemeManager& themes, RetrieveSession& session, QWidget* parent)
    : QFrame(parent), themes_(themes), columns_(new RankColumns(themes, session)), area_(new QScrollArea) {
    setProperty("surface", "card");
    header_ = new RankHeader(themes, session, *columns_);
    area_->setWidget(columns_);
    area_->setWidgetResizable(true);
    area_->setFocusPolicy(Qt::NoFocus);
    area_->verticalScrollBar()->setSingleStep(themes.scaled(26));
    auto* words = new QWidget;
    auto* centre = new QVBoxLayout(words);
    message_ = new QLabel;
    message_->setWordWrap(true);
    message_->setAlignment(Qt::AlignCenter);
    message_->setProperty("tone", "muted");
    action_ = new QPushButton;
    centre->addStretch(1);
    centre->addWidget(message_);
    centre->addWidget(action_, 0, Qt::AlignHCenter);
    centre->addStretch(2);
    auto* lists = new QWidget;
    auto* column = new QVBoxLayout(lists);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(header_);
    column->addWidget(area_, 1);
    stack_ = new QStackedWidget;
    stack_->addWidget(lists);
    stack_->addWidget(words);
    auto* all = new QVBoxLayout(this);
    all->setContentsMargins(1, 1, 1, 1);
    all->addWidget(stack_);
    connect(columns_, &RankColumns::layoutChanged, header_, &RankHeader::refresh);
    connect(&session, &RetrieveSession::relevantChanged, header_, &RankHeader::refresh);
    connect(area_->horizontalScrollBar(), &QScrollBar::valueChanged, header_, &RankHeader::setOffset);
    connect(columns_, &RankColumns::rowWanted, this, [this](const QRect& row) {
        area_->ensureVisible(row.center().x(), row.top(), row.width() / 2, 4);
        area_->ensureVisible(row.center().x(), row.bottom(), row.width() / 2, 4);
    });
    connect(action_, &QPushButton::clicked, this, [this] {
        if (run_) {
            run_();
        }
    });
}

void RankView::setMessage(const QString& message, const QString& action, std::function<void()> run) {
    message_->setText(message);
    action_->setText(action);
    action_->setVisible(!action.isEmpty());
    run_ = std::move(run);
    stack_->setCurrentIndex(message.isEmpty() ? 0 : 1);
}

QString RankView::message() const {
    return stack_->currentIndex() == 1 ? message_->text() : QString();
}

} // namespace fulgurite
