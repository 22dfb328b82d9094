// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/prompt/token_popup.h"

#include "ui/base/format.h"
#include "ui/prompt/tint.h"

#include <QAccessible>
#include <QApplication>
#include <QClipboard>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QLocale>
#include <QMouseEvent>
#include <QPainter>
#include <QPushButton>
#include <QVBoxLayout>
#include <QWheelEvent>

#include <algorithm>
#include <cmath>

namespace fulgurite {
namespace {

constexpr int kWidth = 376;
constexpr int kVisibleRows = 8;
constexpr int kRowHeight = 22;
constexpr int kHeaderHeight = 54;
constexpr int kColumnsHeight = 24;
constexpr int kFooterHeight = 40;

QString fixed(double value, int decimals) {
    return QLocale().toString(value, 'f', decimals);
}

QString percentText(double probability) {
    return probability < 0.0005 ? u'<' + fixed(0.001, 3) : fixed(probability, 3);
}

} // namespace

QList<PopupRow> popupRows(const TokenView& token) {
    QHash<int, float> after;
    for (const TokenChoice& choice : token.after) {
        after.insert(choice.id, choice.logprob);
    }
    QList<PopupRow> rows;
    const auto add = [&](const TokenChoice& choice, double before) {
        PopupRow row;
        row.choice = choice;
        row.before = before;
        row.sampled = choice.id == token.id;
        const auto found = after.constFind(choice.id);
        row.listed = found != after.constEnd();
        row.after = row.listed ? probability(*found) : 0;
        if (row.sampled && !row.listed) {
            row.listed = true;
            row.after = probability(token.logprob_after);
        }
        // Both lists are by falling probability: what is missing though there was room for it was removed.
        row.cut = !row.listed && (token.after.size() < token.before.size() || rows.size() >= token.kept) &&
                  token.kept > 0;
        rows.push_back(row);
    };
    for (const TokenChoice& choice : token.before) {
        add(choice, probability(choice.logprob));
    }
    const bool has_sampled = std::any_of(rows.begin(), rows.end(), [](const PopupRow& row) { return row.sampled; });
    if (!has_sampled) {
        add({token.id, token.logprob, token.text}, probability(token.logprob));
    }
    return rows;
}

TokenPopup::TokenPopup(const ThemeManager& themes, QWidget* parent) : QFrame(parent), themes_(themes) {
    setObjectName(QStringLiteral("tokenPopup"));
    setMouseTracking(true);
    setFocusPolicy(Qt::NoFocus);
    setAccessibleName(tr("Alternatives of the token"));
    branch_ = new QPushButton(tr("Branch from here"), this);
    branch_->setProperty("kind", "accent");
    cost_ = new QLabel(this);
    cost_->setProperty("tone", "muted");
    copy_ = new QPushButton(tr("Copy"), this);
    copy_->setProperty("kind", "quiet");
    pin_ = new QPushButton(tr("Pin"), this);
    pin_->setProperty("kind", "quiet");
    pin_->setToolTip(tr("Keep this open, so that it can be copied (P)"));
    pin_->setCheckable(true);
    for (QPushButton* button : {branch_, copy_, pin_}) {
        button->setFocusPolicy(Qt::TabFocus);
    }
    copy_->hide();
    auto* footer = new QHBoxLayout;
    footer->setContentsMargins(10, 0, 6, 0);
    footer->addWidget(branch_);
    footer->addWidget(cost_, 1);
    footer->addWidget(copy_);
    footer->addWidget(pin_);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 6);
    column->addStretch(1);
    column->addLayout(footer);
    connect(branch_, &QPushButton::clicked, this, &TokenPopup::branch);
    connect(copy_, &QPushButton::clicked, this, [this] { QApplication::clipboard()->setText(asText()); });
    connect(pin_, &QPushButton::toggled, this, &TokenPopup::setPinned);
    connect(&themes_, &ThemeManager::changed, this, [this] { applyLayout(); });
    applyLayout();
    hide();
}

void TokenPopup::applyLayout() {
    // Alternatives may come a moment later: the place is kept, so that nothing jumps.
    const int shown =
        token_.before.isEmpty() ? kVisibleRows : std::min(kVisibleRows, static_cast<int>(rows_.size()));
    const int height = kHeaderHeight + kColumnsHeight + shown * kRowHeight + kFooterHeight + 8;
    setFixedSize(themes_.scaled(kWidth), themes_.scaled(height));
    update();
}

void TokenPopup::setToken(TokenRef ref, const TokenView& token, int position, const QString& sampler) {
    const bool same = isVisible() && ref == ref_; // its alternatives have arrived
    ref_ = ref;
    token_ = token;
    position_ = position;
    sampler_ = sampler;
    rows_ = popupRows(token);
    if (!same) {
        branches_.clear();
        setPinned(false);
        cost_->setText(tr("working out the cost"));
    }
    // The first thing one may want is the best token that was not sampled.
    current_ = rows_.size() > 1 && rows_.front().sampled ? 1 : 0;
    first_visible_ = 0;
    showObstacle();
    applyLayout();
    describe();
}

void TokenPopup::setObstacle(const QString& why) {
    if (obstacle_ != why) {
        obstacle_ = why;
        cost_->setText(QString());
        showObstacle();
    }
}

void TokenPopup::showObstacle() {
    branch_->setEnabled(!rows_.isEmpty() && obstacle_.isEmpty());
    branch_->setToolTip(obstacle_);
    branch_->setAccessibleDescription(
        obstacle_.isEmpty() ? tr("Goes on from the alternative that is chosen, on a new branch") : obstacle_);
    if (!obstacle_.isEmpty()) {
        cost_->setText(tr("not on this server"));
    }
    cost_->setToolTip(obstacle_);
}

void TokenPopup::setCost(int tokens, double seconds) {
    if (!obstacle_.isEmpty()) {
        return;
    }
    const QString time = secondsText(seconds);
    cost_->setText(tokens == 0   ? tr("from the snapshot, %1").arg(time)
                   : tokens == 1 ? tr("replay 1 token, %1").arg(time)
                                 : tr("replay %1 tokens, %2").arg(grouped(tokens), time));
}

void TokenPopup::setBranches(const QHash<int, QString>& branches) {
    branches_ = branches;
    update();
}

void TokenPopup::setPinned(bool pinned) {
    pinned_ = pinned;
    pin_->setChecked(pinned);
    copy_->setVisible(pinned);
    update();
}

void TokenPopup::describe() {
    QString text = tr("%1, probability %2, rank %3, entropy %4 bits")
                       .arg(readableToken(token_.text), percentText(probability(token_.logprob)))
                       .arg(token_.rank)
                       .arg(fixed(bits(token_.entropy), 2));
    if (current_ < rows_.size()) {
        const PopupRow& row = rows_[current_];
        text += tr("; chosen: %1, %2 before and %3 after the samplers")
                    .arg(readableToken(row.choice.text), percentText(row.before),
                         row.cut ? tr("cut") : percentText(row.after));
    }
    setAccessibleDescription(text);
    QAccessibleEvent event(this, QAccessible::DescriptionChanged);
    QAccessible::updateAccessibility(&event);
}

QString TokenPopup::asText() const {
    QString text = QStringLiteral("token\tid\tbefore\tafter\n");
    for (const PopupRow& row : rows_) {
        text += QStringLiteral("%1\t%2\t%3\t%4\n")
                    .arg(readableToken(row.choice.text))
                    .arg(row.choice.id)
                    .arg(row.before, 0, 'g', 6)
                    .arg(row.cut      ? QStringLiteral("cut")
                         : row.listed ? QString::number(row.after, 'g', 6)
                                      : QString());
    }
    return text;
}

QRect TokenPopup::rowRect(int row) const {
    const int top =
        themes_.scaled(kHeaderHeight + kColumnsHeight) + (row - first_visible_) * themes_.scaled(kRowHeight);
    return {1, top, width() - 2, themes_.scaled(kRowHeight)};
}

int TokenPopup::rowAt(QPoint point) const {
    for (int row = first_visible_;
         row < std::min<int>(first_visible_ + kVisibleRows, static_cast<int>(rows_.size())); ++row) {
        if (rowRect(row).contains(point)) {
            return row;
        }
    }
    return -1;
}

void TokenPopup::setCurrent(int row) {
    row = std::clamp<int>(row, 0, std::max<int>(static_cast<int>(rows_.size()) - 1, 0));
    current_ = row;
    first_visible_ = std::clamp(first_visible_, row - kVisibleRows + 1, row);
    first_visible_ = std::max(first_visible_, 0);
    describe();
    update();
}

void TokenPopup::branch() {
    if (current_ < rows_.size() && obstacle_.isEmpty()) {
        emit branchRequested(ref_, rows_[current_].choice);
    }
}

bool TokenPopup::takeKey(QKeyEvent* event) {
    switch (event->key()) {
    case Qt::Key_Up:
        setCurrent(current_ - 1);
        return true;
    case Qt::Key_Down:
        setCurrent(current_ + 1);
        return true;
    case Qt::Key_Return:
    case Qt::Key_Enter:
        branch();
        return true;
    case Qt::Key_P:
        setPinned(!pinned_);
        return true;
    case Qt::Key_Escape:
        emit dismissed();
        return true;
    default:
        if (event->matches(QKeySequence::Copy)) {
            QApplication::clipboard()->setText(asText());
            return true;
        }
        return false;
    }
}

void TokenPopup::keyPressEvent(QKeyEvent* event) {
    if (!takeKey(event)) {
        QFrame::keyPressEvent(event);
    }
}

void TokenPopup::mouseMoveEvent(QMouseEvent* event) {
    if (const int row = rowAt(event->pos()); row >= 0 && row != current_) {
        setCurrent(row);
    }
}

void TokenPopup::mousePressEvent(QMouseEvent* event) {
    const int row = rowAt(event->pos());
    if (row >= 0 && event->button() == Qt::LeftButton) {
        setCurrent(row);
        branch();
    }
}

void TokenPopup::wheelEvent(QWheelEvent* event) {
    const int step = event->angleDelta().y() > 0 ? -1 : 1;
    first_visible_ =
        std::clamp<int>(first_visible_ + step, 0, std::max<int>(0, static_cast<int>(rows_.size()) - kVisibleRows));
    current_ = std::clamp(current_, first_visible_, first_visible_ + kVisibleRows - 1);
    event->accept();
    update();
}

void TokenPopup::enterEvent(QEnterEvent*) {
    emit pointerEntered();
}

void TokenPopup::leaveEvent(QEvent*) {
    emit pointerLeft();
}

void TokenPopup::paintHeader(QPainter& painter) const {
    const int pad = themes_.scaled(12);
    const QRect first(pad, themes_.scaled(8), width() - 2 * pad, themes_.scaled(20));
    const QRect second(pad, themes_.scaled(28), width() - 2 * pad, themes_.scaled(20));
    const QFont strong = themes_.codeFont(12.5, QFont::DemiBold);
    const QFont plain = themes_.uiFont(11.5);
    const QString name = QFontMetrics(strong).elidedText(u'“' + readableToken(token_.text) + u'”', Qt::ElideRight,
                                                         first.width() / 2);
    painter.setFont(strong);
    painter.setPen(themes_.color(Role::Text));
    painter.drawText(first, Qt::AlignLeft | Qt::AlignVCenter, name);
    const int x = QFontMetrics(strong).horizontalAdvance(name) + themes_.scaled(10);
    painter.setFont(plain);
    painter.setPen(themes_.color(Role::Muted));
    painter.drawText(first.adjusted(x, 0, 0, 0), Qt::AlignLeft | Qt::AlignVCenter,
                     tr("id %1 · at %2").arg(token_.id).arg(grouped(position_)));
    const QString how =
        token_.forced ? tr("forced by the thinking budget") : tr("sampled, rank %1").arg(token_.rank);
    painter.drawText(first, Qt::AlignRight | Qt::AlignVCenter, how);
    painter.setPen(Qt::NoPen);
    painter.setBrush(themes_.color(Role::Accent));
    const int how_width = QFontMetrics(plain).horizontalAdvance(how);
    painter.drawEllipse(QPointF(first.right() - how_width - themes_.scaled(9), first.center().y() + 0.5), 4, 4);
    painter.setPen(themes_.color(Role::Muted));
    painter.drawText(second, Qt::AlignLeft | Qt::AlignVCenter,
                     tr("p %1 · %2 bits · entropy %3 bits")
                         .arg(percentText(probability(token_.logprob)), fixed(surpriseBits(token_), 2),
                              fixed(bits(token_.entropy), 2)));
    if (token_.kept > 0) {
        painter.drawText(second, Qt::AlignRight | Qt::AlignVCenter,
                         tr("kept %1, mass %2").arg(grouped(token_.kept), fixed(token_.kept_mass, 3)));
    }
}

void TokenPopup::paintRow(QPainter& painter, int row) const {
    const PopupRow& value = rows_[row];
    const QRect rect = rowRect(row);
    if (row == current_) {
        painter.fillRect(rect, themes_.color(Role::Selection));
    }
    const int left = themes_.scaled(16);
    if (value.sampled || row == current_) {
        painter.setPen(Qt::NoPen);
        painter.setBrush(themes_.color(value.sampled ? Role::Accent : Role::Text));
        const QPointF centre(left, rect.center().y() + 0.5);
        if (value.sampled) {
            painter.drawEllipse(centre, 4, 4);
        } else {
            painter.drawPolygon(
                QPolygonF{centre + QPointF(-3, -4), centre + QPointF(4, 0), centre + QPointF(-3, 4)});
        }
    }
    const int before_x = themes_.scaled(116);
    const int after_x = themes_.scaled(240);
    const int most = themes_.scaled(70); // both columns on one scale: probability 1 fills it
    const QFont code = themes_.codeFont(12);
    painter.setFont(code);
    painter.setPen(themes_.color(value.cut ? Role::Muted : Role::Text));
    const int name_x = themes_.scaled(28);
    const QRect name(name_x, rect.top(), before_x - name_x - 6, rect.height());
    painter.drawText(name, Qt::AlignLeft | Qt::AlignVCenter,
                     QFontMetrics(code).elidedText(readableToken(value.choice.text), Qt::ElideRight, name.width()));
    painter.setFont(themes_.uiFont(11.5));
    const double largest =
        std::max(0.05, rows_.isEmpty() ? 1.0 : std::max(rows_.front().before, rows_.front().after));
    const auto bar = [&](int x, double share, const QColor& color) {
        const int length = std::max(2, static_cast<int>(std::lround(share / largest * most)));
        painter.fillRect(QRect(x, rect.center().y() - 3, length, 8), color);
        painter.setPen(themes_.color(Role::Muted));
        painter.drawText(QRect(x + length + 6, rect.top(), 70, rect.height()), Qt::AlignLeft | Qt::AlignVCenter,
                         percentText(share));
        return x + length + 6 + QFontMetrics(painter.font()).horizontalAdvance(percentText(share));
    };
    bar(before_x, value.before, themes_.theme().mix(Role::Raised, Role::Probability, 0.55));
    int end = after_x;
    if (value.cut) {
        painter.setPen(themes_.color(Role::Muted));
        painter.drawText(QRect(after_x, rect.top(), 60, rect.height()), Qt::AlignLeft | Qt::AlignVCenter,
                         tr("cut"));
        end += themes_.scaled(26);
    } else if (value.listed) {
        end = bar(after_x, value.after, themes_.color(Role::Probability));
    }
    if (const QString branch = branches_.value(value.choice.id); !branch.isEmpty()) {
        const QFont small = themes_.uiFont(10.5);
        const int width = QFontMetrics(small).horizontalAdvance(branch) + 10;
        const QRect tag(std::min(end + 8, this->width() - width - 8), rect.center().y() - 8, width, 17);
        painter.setFont(small);
        painter.setPen(themes_.color(Role::Lightning));
        painter.setBrush(themes_.color(Role::Raised));
        painter.drawRoundedRect(tag, 3, 3);
        painter.drawText(tag, Qt::AlignCenter, branch);
    }
}

void TokenPopup::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(themes_.color(pinned_ ? Role::Focus : Role::Line));
    painter.setBrush(themes_.color(Role::Raised));
    painter.drawRoundedRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5), metrics::kRadius, metrics::kRadius);
    paintHeader(painter);
    const QRect columns(1, themes_.scaled(kHeaderHeight), width() - 2, themes_.scaled(kColumnsHeight));
    painter.fillRect(QRect(columns.left(), columns.top(), columns.width(), 1), themes_.color(Role::Line));
    painter.setFont(themes_.uiFont(11));
    painter.setPen(themes_.color(Role::Muted));
    const auto heading = [&](int x, const QString& text) {
        const QRect place(themes_.scaled(x), columns.top(), width() - themes_.scaled(x) - 6, columns.height());
        painter.drawText(place, Qt::AlignLeft | Qt::AlignVCenter,
                         QFontMetrics(painter.font()).elidedText(text, Qt::ElideRight, place.width()));
    };
    heading(28, tr("token"));
    heading(116, tr("before sampler"));
    heading(240, sampler_.isEmpty() ? tr("after sampler") : tr("after %1").arg(sampler_));
    if (rows_.isEmpty()) {
        painter.drawText(rowRect(0), Qt::AlignCenter, tr("the node sent no alternatives"));
    }
    for (int row = first_visible_;
         row < std::min<int>(first_visible_ + kVisibleRows, static_cast<int>(rows_.size())); ++row) {
        paintRow(painter, row);
    }
    const int line = height() - themes_.scaled(kFooterHeight + 4);
    painter.fillRect(QRect(1, line, width() - 2, 1), themes_.color(Role::Line));
    if (rows_.size() > kVisibleRows) {
        const double share = static_cast<double>(kVisibleRows) / static_cast<double>(rows_.size());
        const int track = kVisibleRows * themes_.scaled(kRowHeight);
        const QRectF thumb(width() - 5,
                           rowRect(first_visible_).top() +
                               track * (static_cast<double>(first_visible_) / static_cast<double>(rows_.size())),
                           3, track * share);
        painter.setPen(Qt::NoPen);
        painter.setBrush(themes_.color(Role::Faint));
        painter.drawRoundedRect(thumb, 1.5, 1.5);
    }
}

} // namespace fulgurite
