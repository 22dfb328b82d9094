// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/retrieve/vote_map.h"

#include "ui/base/format.h"
#include "ui/retrieve/aspects.h"

#include <QKeyEvent>
#include <QPainter>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <unordered_map>

namespace fulgurite {
namespace {

constexpr std::size_t kMostDocuments = 256;
constexpr double kScoreWidth = 34; // pixels at right of the cells

} // namespace

VoteMap::VoteMap(ThemeManager& themes, RetrieveSession& session, QWidget* parent)
    : PlotView(themes, tr("Heads by documents"), parent), session_(session) {
    setMargins({74, 18, 46, 18});
    setLeastSpan({4, 4});
    setAccessibleDescription(tr("Arrows move over heads and documents, Enter opens the hit."));
    connect(&session_, &RetrieveSession::ranked, this, &VoteMap::rebuild);
    connect(&session_, &RetrieveSession::brushChanged, this, &VoteMap::invalidatePlot);
    connect(&session_, &RetrieveSession::relevantChanged, this, &VoteMap::invalidatePlot);
    const auto mark = [this] {
        update();
        emit currentChanged();
    };
    connect(&session_, &RetrieveSession::selectionChanged, this, mark);
    connect(&session_, &RetrieveSession::headChanged, this, mark);
    connect(&session_, &RetrieveSession::hoverChanged, this, qOverload<>(&QWidget::update));
    rebuild();
}

const RankColumn* VoteMap::ranking() const {
    const int column = session_.headColumn();
    return column < 0 ? nullptr : &session_.columns()[static_cast<std::size_t>(column)];
}

void VoteMap::setStatistics(std::shared_ptr<const client::HeadStatistics> statistics) {
    statistics_ = std::move(statistics);
    rebuild();
}

void VoteMap::arrange() {
    rows_.clear();
    groups_.clear();
    const RankColumn* ranked = ranking();
    const int heads = ranked == nullptr ? 0 : static_cast<int>(ranked->lists->heads);
    rows_.resize(static_cast<std::size_t>(heads));
    std::iota(rows_.begin(), rows_.end(), 0);
    if (!statistics_ || static_cast<int>(statistics_->separates.size()) != heads) {
        return;
    }
    const auto labelOf = [this](int head) {
        const auto& best = statistics_->separates[static_cast<std::size_t>(head)];
        return best.empty() ? std::string() : best.front().label;
    };
    std::stable_sort(rows_.begin(), rows_.end(), [&](int a, int b) { return labelOf(a) < labelOf(b); });
    for (int row = 0; row < heads; ++row) {
        const QString label = QString::fromStdString(labelOf(rows_[static_cast<std::size_t>(row)]));
        if (groups_.empty() || groups_.back().label != label) {
            groups_.push_back({label, row, 0});
        }
        ++groups_.back().count;
    }
    if (groups_.size() == 1 && groups_.front().label.isEmpty()) {
        groups_.clear();
    }
}

void VoteMap::rebuild() {
    arrange();
    columns_.clear();
    ranks_.clear();
    if (const RankColumn* ranked = ranking()) {
        std::unordered_map<std::int32_t, std::size_t> place;
        for (const retrieval::Ranked& hit : ranked->hits) {
            if (columns_.size() == kMostDocuments) {
                break;
            }
            place.emplace(hit.document, columns_.size());
            columns_.push_back(hit.document);
        }
        const retrieval::HeadLists& lists = *ranked->lists;
        ranks_.assign(rows_.size() * columns_.size(), -1);
        for (std::size_t row = 0; row < rows_.size(); ++row) {
            const std::size_t first = static_cast<std::size_t>(rows_[row]) * lists.depth;
            for (std::size_t rank = 0; rank < lists.depth; ++rank) {
                const auto found = place.find(lists.documents[first + rank]);
                if (found != place.end()) {
                    ranks_[row * columns_.size() + found->second] = static_cast<int>(rank);
                }
            }
        }
    }
    setFullRange({0, 0, std::max(1.0, documents() * 1.0), std::max(1.0, rows_.size() * 1.0)});
    invalidatePlot();
    emit currentChanged();
}

void VoteMap::paintPlot(QPainter& painter) {
    const RankColumn* ranked = ranking();
    if (ranked == nullptr || columns_.empty()) {
        return;
    }
    const QRectF plot = plotRect();
    const retrieval::HeadLists& lists = *ranked->lists;
    const double most = std::max(1e-12, *std::max_element(lists.scores.begin(), lists.scores.end()));
    const QColor strong = themes().color(strategyInfo(ranked->strategy).role);
    QImage cells(documents(), static_cast<int>(rows_.size()), QImage::Format_ARGB32_Premultiplied);
    cells.fill(themes().color(Role::Background));
    for (std::size_t row = 0; row < rows_.size(); ++row) {
        const bool on = ranked->on.empty() || ranked->on[static_cast<std::size_t>(rows_[row])] != 0;
        auto* line = reinterpret_cast<QRgb*>(cells.scanLine(static_cast<int>(row)));
        for (std::size_t column = 0; column < columns_.size(); ++column) {
            const int rank = ranks_[row * columns_.size() + column];
            if (rank >= 0 && on) {
                QColor color = strong;
                const bool pale = session_.brush().count > 0 && !session_.brush().contains(columns_[column]);
                color.setAlphaF(static_cast<float>(std::max(0.14, std::pow(0.8, rank)) * (pale ? 0.35 : 1)));
                const QColor ground = themes().color(Role::Background);
                const auto over = [&](int top, int under) {
                    return static_cast<int>(top * color.alphaF() + under * (1 - color.alphaF()));
                };
                line[column] = qRgb(over(color.red(), ground.red()), over(color.green(), ground.green()),
                                    over(color.blue(), ground.blue()));
            }
        }
    }
    painter.save();
    painter.setClipRect(plot);
    painter.drawImage(QRectF(toPixel({0, 0}), toPixel(QPointF(documents(), rows_.size() * 1.0))), cells);
    painter.setClipping(false);
    painter.setFont(themes().uiFont(10.5));
    const double height = (toPixel({0, 1}) - toPixel({0, 0})).y();
    for (std::size_t row = 0; row < rows_.size(); ++row) {
        const double top = toPixel({0, row * 1.0}).y();
        if (top < plot.top() - 1 || top + height > plot.bottom() + 1) {
            continue;
        }
        const auto head = static_cast<std::size_t>(rows_[row]);
        const bool on = ranked->on.empty() || ranked->on[head] != 0;
        if (!on) {
            painter.setPen(QPen(themes().color(Role::Faint), 1, Qt::DotLine));
            painter.drawLine(QPointF(plot.left(), top + height / 2), QPointF(plot.right(), top + height / 2));
        }
        painter.fillRect(
            QRectF(plot.right() + 4, top + 0.5, kScoreWidth * lists.scores[head] / most, std::max(1.0, height - 1)),
            themes().color(on ? Role::Muted : Role::Faint));
        if (groups_.empty() && height >= 11) {
            painter.setPen(themes().color(Role::Muted));
            painter.drawText(QRectF(0, top, plot.left() - 6, height), Qt::AlignRight | Qt::AlignVCenter,
                             tr("head %1").arg(head));
        }
    }
    painter.setPen(themes().color(Role::Muted));
    for (const Group& group : groups_) {
        const double top = toPixel({0, group.first * 1.0}).y();
        const double bottom = toPixel({0, (group.first + group.count) * 1.0}).y();
        painter.fillRect(QRectF(plot.left() - 4, top + 0.5, 2, bottom - top - 1), themes().color(Role::Faint));
        if (bottom - top >= 10 && top >= plot.top() - 1 && bottom <= plot.bottom() + 1) {
            const QRectF place(2, top, plot.left() - 9, bottom - top);
            painter.drawText(place, Qt::AlignRight | Qt::AlignVCenter,
                             QFontMetricsF(painter.font()).elidedText(group.label, Qt::ElideRight, place.width()));
        }
    }
    painter.drawText(QRectF(plot.right() + 2, 0, margins().right(), plot.top() - 2),
                     Qt::AlignLeft | Qt::AlignBottom, tr("score"));
    const double width = (toPixel({1, 0}) - toPixel({0, 0})).x();
    painter.drawText(QRectF(0, plot.bottom() + 2, plot.left() - 6, margins().bottom()),
                     Qt::AlignRight | Qt::AlignTop, tr("rank"));
    for (int rank = 1; rank <= documents(); rank += rank == 1 ? 9 : 10) {
        const double x = toPixel({rank - 0.5, 0}).x();
        if (x >= plot.left() && x <= plot.right()) {
            painter.drawText(QRectF(x - 20, plot.bottom() + 2, 40, margins().bottom()),
                             Qt::AlignHCenter | Qt::AlignTop, QString::number(rank));
        }
    }
    for (std::size_t column = 0; column < columns_.size(); ++column) {
        const int aspect = session_.aspect(columns_[column]);
        const double x = toPixel({column + 0.5, 0}).x();
        if (aspect >= 0 && x >= plot.left() && x <= plot.right()) {
            painter.setFont(themes().uiFont(10.5, QFont::Bold));
            painter.setPen(themes().color(aspectRole(aspect)));
            painter.drawText(QRectF(x - 10, 0, 20, plot.top() - 2), Qt::AlignHCenter | Qt::AlignBottom,
                             aspectLetter(aspect));
            painter.fillRect(
                QRectF(x - std::max(1.0, width / 2 - 0.5), plot.top() - 2, std::max(2.0, width - 1), 2),
                themes().color(aspectRole(aspect)));
        }
    }
    painter.restore();
}

int VoteMap::rowOf(int head) const {
    const auto found = std::find(rows_.begin(), rows_.end(), head);
    return found == rows_.end() ? -1 : static_cast<int>(found - rows_.begin());
}

void VoteMap::paintMarks(QPainter& painter) {
    const RankColumn* ranked = ranking();
    if (ranked == nullptr) {
        return;
    }
    painter.save();
    painter.setClipRect(plotRect());
    painter.setBrush(Qt::NoBrush);
    const auto frame = [&](const QRectF& cells, Role role) {
        painter.setPen(QPen(themes().color(role), 1));
        painter.drawRect(QRectF(toPixel(cells.topLeft()), toPixel(cells.bottomRight())).adjusted(0, 0, -1, -1));
    };
    if (const int hovered = ranked->place(session_.hovered()); hovered >= 0 && hovered < documents()) {
        frame({hovered * 1.0, 0, 1, rows_.size() * 1.0}, Role::Faint);
    }
    if (const int place = ranked->place(session_.document()); place >= 0 && place < documents()) {
        frame({place * 1.0, 0, 1, rows_.size() * 1.0}, Role::Focus);
    }
    if (const int row = rowOf(session_.head()); row >= 0) {
        frame({0, row * 1.0, documents() * 1.0, 1}, Role::Focus);
    }
    painter.restore();
}

QString VoteMap::cellText(int row, int column) const {
    const RankColumn& ranked = *ranking();
    const int head = rows_[static_cast<std::size_t>(row)];
    const std::int32_t document = columns_[static_cast<std::size_t>(column)];
    const int rank = ranks_[static_cast<std::size_t>(row) * columns_.size() + static_cast<std::size_t>(column)];
    const QString what = tr("Head %1 × %2").arg(head).arg(session_.documents().title(document));
    if (rank < 0) {
        return what + tr("\nnot among its %1 nearest").arg(ranked.lists->depth);
    }
    const auto votes = retrieval::votesFor(*ranked.lists, *strategyInfo(ranked.strategy).rule, document, ranked.on);
    const retrieval::HeadVote& vote = votes[static_cast<std::size_t>(head)];
    return what + tr("\nrank %1, distance %2, vote %3")
                      .arg(rank + 1)
                      .arg(static_cast<double>(vote.distance), 0, 'f', 4)
                      .arg(vote.vote, 0, 'g', 3);
}

QString VoteMap::valueAt(QPointF data) const {
    const int row = static_cast<int>(std::floor(data.y()));
    const int column = static_cast<int>(std::floor(data.x()));
    const bool inside = row >= 0 && row < static_cast<int>(rows_.size()) && column >= 0 && column < documents();
    return inside && ranking() != nullptr ? cellText(row, column) : QString();
}

QString VoteMap::currentText() const {
    const RankColumn* ranked = ranking();
    const int row = rowOf(session_.head());
    const int column = ranked == nullptr ? -1 : ranked->place(session_.document());
    if (row < 0 || column < 0 || column >= documents()) {
        return {};
    }
    return cellText(row, column).replace(u'\n', QStringLiteral(": "));
}

std::optional<QPointF> VoteMap::walkPoint() const {
    const RankColumn* ranked = ranking();
    const int row = rowOf(session_.head());
    const int column = ranked == nullptr ? -1 : ranked->place(session_.document());
    return row < 0 || column < 0 ? std::nullopt : std::optional(QPointF(column + 0.5, row + 0.5));
}

void VoteMap::choose(int row, int column) {
    session_.setHead(rows_[static_cast<std::size_t>(row)]);
    session_.select(columns_[static_cast<std::size_t>(column)], session_.headColumn());
    announce(cellText(row, column));
}

void VoteMap::clicked(QPointF data, Qt::KeyboardModifiers) {
    const int row = static_cast<int>(std::floor(data.y()));
    const int column = static_cast<int>(std::floor(data.x()));
    if (row >= 0 && row < static_cast<int>(rows_.size()) && column >= 0 && column < documents()) {
        choose(row, column);
    }
}

bool VoteMap::walk(QKeyEvent* event) {
    if (rows_.empty() || columns_.empty()) {
        return false;
    }
    const QPointF here = walkPoint().value_or(QPointF(0.5, 0.5));
    int row = static_cast<int>(here.y());
    int column = static_cast<int>(here.x());
    switch (event->key()) {
    case Qt::Key_Up:
        --row;
        break;
    case Qt::Key_Down:
        ++row;
        break;
    case Qt::Key_Left:
        --column;
        break;
    case Qt::Key_Right:
        ++column;
        break;
    case Qt::Key_Home:
        column = 0;
        break;
    case Qt::Key_End:
        column = documents() - 1;
        break;
    case Qt::Key_Space:
        session_.heads().toggle(static_cast<std::size_t>(rows_[static_cast<std::size_t>(row)]));
        return true;
    case Qt::Key_Return:
    case Qt::Key_Enter:
        emit openWanted();
        return true;
    default:
        return false;
    }
    choose(std::clamp(row, 0, static_cast<int>(rows_.size()) - 1), std::clamp(column, 0, documents() - 1));
    return true;
}

TableTwin VoteMap::table() const {
    const RankColumn* ranked = ranking();
    QStringList columns{tr("head"), tr("score"), tr("on")};
    for (const std::int32_t document : columns_) {
        columns << session_.documents().title(document);
    }
    return {.title = tr("Rank of each document with each head"),
            .columns = columns,
            .rows = static_cast<int>(rows_.size()),
            .cell = [rows = rows_, ranks = ranks_, documents = columns_.size(),
                     scores = ranked == nullptr ? std::vector<double>() : ranked->lists->scores,
                     on = ranked == nullptr ? std::vector<std::uint8_t>() : ranked->on](int row,
                                                                                        int column) -> QVariant {
                const auto head = static_cast<std::size_t>(rows[static_cast<std::size_t>(row)]);
                if (column == 0) {
                    return static_cast<int>(head);
                }
                if (column == 1) {
                    return scores[head];
                }
                if (column == 2) {
                    return on.empty() || on[head] != 0 ? tr("on") : tr("off");
                }
                const int rank =
                    ranks[static_cast<std::size_t>(row) * documents + static_cast<std::size_t>(column) - 3];
                return rank < 0 ? QVariant() : QVariant(rank + 1);
            },
            .current = rowOf(session_.head())};
}

} // namespace fulgurite
