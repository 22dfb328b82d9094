// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/retrieve/rank_columns.h"

#include "ui/retrieve/aspects.h"
#include "ui/retrieve/hit_detail.h"

#include <QHelpEvent>
#include <QKeyEvent>
#include <QMenu>
#include <QMouseEvent>
#include <QPainter>
#include <QPainterPath>
#include <QToolTip>

#include <algorithm>
#include <set>

namespace fulgurite {
namespace {

constexpr int kPageRows = 8;

} // namespace

RankColumns::RankColumns(ThemeManager& themes, RetrieveSession& session, QWidget* parent)
    : PlotView(themes, tr("Rankings"), parent),
      session_(session),
      painter_(themes, session),
      detail_(new HitDetail(themes, session, this)) {
    setFullRange({0, 0, 1, 1}, Qt::Orientations());
    setAccessibleDescription(tr("Left and Right change the strategy, Up and Down the hit, Enter opens it."));
    detail_->hide();
    connect(&session_, &RetrieveSession::ranked, this, &RankColumns::rebuild);
    connect(&session_, &RetrieveSession::brushChanged, this, &RankColumns::rebuild);
    connect(&session_, &RetrieveSession::selectionChanged, this, &RankColumns::rebuild);
    connect(&session_, &RetrieveSession::relevantChanged, this, qOverload<>(&QWidget::update));
    connect(&session_, &RetrieveSession::hoverChanged, this, qOverload<>(&QWidget::update));
    connect(&session_.documents(), &DocumentStore::changed, this, qOverload<>(&QWidget::update));
    connect(&themes, &ThemeManager::changed, this, &RankColumns::rebuild);
    connect(detail_, &HitDetail::citeWanted, this, &RankColumns::citeWanted);
    rebuild();
}

void RankColumns::rebuild() {
    RankLayout::Measures measures;
    measures.least_column = themes().scaled(measures.least_column);
    measures.row = themes().scaled(measures.row);
    // The height of what is opened depends on the width of its column, and that on nothing but the window.
    layout_.build(session_, width(), measures, 0);
    const bool open = session_.expanded() && session_.column() < layout_.columns();
    if (open) {
        const double room = layout_.column(session_.column()).width();
        const int height = detail_->show(static_cast<int>(room));
        layout_.build(session_, width(), measures, height);
    }
    detail_->setVisible(layout_.open().has_value());
    if (layout_.open()) {
        detail_->setGeometry(layout_.openRect().toRect().adjusted(3, 0, 0, -1));
    }
    updateGeometry();
    update();
    emit layoutChanged();
}

QSize RankColumns::minimumSizeHint() const {
    return {static_cast<int>(layout_.leastWidth()), static_cast<int>(layout_.height())};
}

void RankColumns::resizeEvent(QResizeEvent* event) {
    PlotView::resizeEvent(event);
    if (event->size().width() != event->oldSize().width()) {
        rebuild();
    }
}

// Only the rows in sight: a long list is scrolled, not zoomed, so nothing is cached.
void RankColumns::paintEvent(QPaintEvent* event) {
    QPainter painter(this);
    painter.setClipRect(event->rect());
    for (int column = 0; column < layout_.columns(); ++column) {
        paintRows(painter, column, event->rect());
    }
    for (int gap = 0; gap + 1 < layout_.columns(); ++gap) {
        paintLines(painter, gap);
    }
    if (hasFocus()) {
        if (const auto here = current()) {
            painter.setPen(QPen(themes().color(Role::Focus), 2));
            painter.setBrush(Qt::NoBrush);
            painter.drawRect(layout_.row(here->column, here->row).adjusted(1, 1, -1, -1));
        }
    }
}

// The whole, for pictures.
void RankColumns::paintPlot(QPainter& painter) {
    for (int column = 0; column < layout_.columns(); ++column) {
        paintRows(painter, column, rect());
    }
    for (int gap = 0; gap + 1 < layout_.columns(); ++gap) {
        paintLines(painter, gap);
    }
    if (layout_.open()) {
        painter.drawPixmap(detail_->pos(), detail_->grab());
    }
}

HitLook RankColumns::lookOf(int column, std::int32_t document) const {
    HitLook look;
    look.selected = document == session_.document() && column == session_.column();
    look.hovered = document == session_.hovered() || document == session_.document();
    look.dimmed = session_.brush().count > 0 && !session_.brush().contains(document);
    return look;
}

void RankColumns::paintRows(QPainter& painter, int column, const QRectF& clip) const {
    const RankColumn& ranking = session_.columns()[static_cast<std::size_t>(column)];
    const std::vector<int>& rows = layout_.rows(column);
    if (rows.empty()) {
        const QString nothing = session_.filtered() ? tr("Nothing that is brushed is among its hits.")
                                                    : tr("No document has a vote: all heads are off.");
        if (session_.reply() != nullptr) {
            paintProblem(painter, column, ranking.problem.isEmpty() ? nothing : ranking.problem);
        }
        return;
    }
    const auto [first, last] = layout_.rowsIn(column, clip);
    for (int row = first; row < last; ++row) {
        const int place = rows[static_cast<std::size_t>(row)];
        const std::int32_t document = ranking.hits[static_cast<std::size_t>(place)].document;
        painter_.paint(painter, layout_.row(column, row), ranking, place, lookOf(column, document));
    }
}

void RankColumns::paintProblem(QPainter& painter, int column, const QString& text) const {
    painter.setFont(themes().uiFont(11.5));
    painter.setPen(themes().color(Role::Muted));
    const QRectF place = layout_.column(column);
    painter.drawText(QRectF(place.left() + 12, 12, place.width() - 24, 400), Qt::AlignLeft | Qt::TextWordWrap,
                     text);
}

void RankColumns::paintLines(QPainter& painter, int gap) const {
    const RankColumn& left = session_.columns()[static_cast<std::size_t>(gap)];
    const RankColumn& right = session_.columns()[static_cast<std::size_t>(gap) + 1];
    const double from_x = layout_.column(gap).right();
    const double to_x = layout_.column(gap + 1).left();
    std::set<std::int32_t> documents;
    for (const int place : layout_.rows(gap)) {
        documents.insert(left.hits[static_cast<std::size_t>(place)].document);
    }
    for (const int place : layout_.rows(gap + 1)) {
        documents.insert(right.hits[static_cast<std::size_t>(place)].document);
    }
    const bool raised = session_.hovered() >= 0 && documents.contains(session_.hovered());
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setBrush(Qt::NoBrush);
    for (const std::int32_t document : documents) {
        const int aspect = session_.aspect(document);
        const bool marked = document == session_.hovered() || (!raised && document == session_.document());
        const bool strong = aspect >= 0 || marked;
        QColor color = themes().color(aspect >= 0 ? aspectRole(aspect) : marked ? Role::Text : Role::Faint);
        color.setAlphaF(raised && !marked ? 0.25f : 1.0f);
        painter.setPen(QPen(color, strong ? 2 : 1));
        const int from = layout_.rowOf(gap, left.place(document));
        const int to = layout_.rowOf(gap + 1, right.place(document));
        if (from >= 0 && to >= 0) {
            QPainterPath path({from_x, layout_.line(gap, from)});
            const double middle = (from_x + to_x) / 2;
            path.cubicTo({middle, layout_.line(gap, from)}, {middle, layout_.line(gap + 1, to)},
                         {to_x, layout_.line(gap + 1, to)});
            painter.drawPath(path);
        } else if (to >= 0 && left.problem.isEmpty()) {
            paintStub(painter, {to_x, layout_.line(gap + 1, to)}, true, left.place(document), strong);
        } else if (from >= 0 && right.problem.isEmpty()) {
            paintStub(painter, {from_x, layout_.line(gap, from)}, false, right.place(document), strong);
        }
    }
    painter.restore();
}

// To or from a place that is not in the list, in the painter's pen, with that rank where it matters.
void RankColumns::paintStub(QPainter& painter, QPointF from, bool leftwards, int rank, bool named) const {
    const double direction = leftwards ? -1 : 1;
    const QPointF end = from + QPointF(direction * 9, rank < 0 ? 0 : 6);
    QPainterPath path(from);
    path.quadTo(from + QPointF(direction * 7, 0), end);
    painter.drawPath(path);
    if (!named) {
        return;
    }
    painter.setFont(themes().uiFont(10.5, QFont::DemiBold));
    const QString text = rank < 0 ? QStringLiteral("–") : QString::number(rank + 1);
    painter.drawText(QRectF(leftwards ? end.x() - 23 : end.x() - 1, end.y() - 2, 24, 15),
                     (leftwards ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter, text);
}

std::optional<RankPlace> RankColumns::current() const {
    const int column = session_.column();
    if (column >= layout_.columns()) {
        return {};
    }
    const int row =
        layout_.rowOf(column, session_.columns()[static_cast<std::size_t>(column)].place(session_.document()));
    return row < 0 ? std::nullopt : std::optional(RankPlace{column, row});
}

void RankColumns::choose(const RankPlace& place) {
    const RankColumn& column = session_.columns()[static_cast<std::size_t>(place.column)];
    const int rank = layout_.rows(place.column)[static_cast<std::size_t>(place.row)];
    session_.select(column.hits[static_cast<std::size_t>(rank)].document, place.column);
    emit rowWanted(layout_.row(place.column, place.row).toRect());
    announce(describe(place));
}

void RankColumns::mousePressEvent(QMouseEvent* event) {
    if (event->button() != Qt::LeftButton) {
        return;
    }
    const auto place = layout_.at(event->position());
    if (!place) {
        return;
    }
    const bool again = place == current();
    choose(*place);
    if (again) {
        session_.setExpanded(!session_.expanded());
    }
}

void RankColumns::mouseDoubleClickEvent(QMouseEvent* event) {
    if (const auto place = layout_.at(event->position()); place && event->button() == Qt::LeftButton) {
        emit openWanted(session_.document());
    }
}

void RankColumns::mouseMoveEvent(QMouseEvent* event) {
    const auto place = layout_.at(event->position());
    if (!place) {
        session_.setHovered(-1);
        return;
    }
    const RankColumn& column = session_.columns()[static_cast<std::size_t>(place->column)];
    const int rank = layout_.rows(place->column)[static_cast<std::size_t>(place->row)];
    session_.setHovered(column.hits[static_cast<std::size_t>(rank)].document);
}

void RankColumns::leaveEvent(QEvent* event) {
    PlotView::leaveEvent(event);
    session_.setHovered(-1);
}

bool RankColumns::event(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        auto* help = static_cast<QHelpEvent*>(event);
        const auto place = layout_.at(help->pos());
        QToolTip::showText(help->globalPos(), place ? describe(*place) : QString(), this);
        return true;
    }
    return PlotView::event(event);
}

bool RankColumns::walk(QKeyEvent* event) {
    if (layout_.columns() == 0 || (event->modifiers() & (Qt::ControlModifier | Qt::AltModifier))) {
        return false;
    }
    RankPlace place = current().value_or(RankPlace{std::min(session_.column(), layout_.columns() - 1), 0});
    switch (event->key()) {
    case Qt::Key_Up:
        --place.row;
        break;
    case Qt::Key_Down:
        ++place.row;
        break;
    case Qt::Key_PageUp:
        place.row -= kPageRows;
        break;
    case Qt::Key_PageDown:
        place.row += kPageRows;
        break;
    case Qt::Key_Home:
        place.row = 0;
        break;
    case Qt::Key_End:
        place.row = 1 << 20;
        break;
    case Qt::Key_Left:
        place.column = std::max(0, place.column - 1);
        break;
    case Qt::Key_Right:
        place.column = std::min(layout_.columns() - 1, place.column + 1);
        break;
    case Qt::Key_Return:
    case Qt::Key_Enter:
        session_.setExpanded(!session_.expanded());
        return true;
    case Qt::Key_Escape:
        if (!session_.expanded()) {
            return false;
        }
        session_.setExpanded(false);
        return true;
    case Qt::Key_C:
        if (session_.document() >= 0) {
            emit citeWanted(session_.document());
        }
        return true;
    case Qt::Key_O:
        if (session_.document() >= 0) {
            emit openWanted(session_.document());
        }
        return true;
    default:
        return false;
    }
    const int rows = static_cast<int>(layout_.rows(place.column).size());
    if (rows == 0) {
        session_.select(session_.document(), place.column);
        return true;
    }
    place.row = std::clamp(place.row, 0, rows - 1);
    choose(place);
    return true;
}

void RankColumns::addToMenu(QMenu& menu) {
    if (session_.document() >= 0) {
        menu.addAction(session_.expanded() ? tr("Close the hit") : tr("Why it stands here"), this,
                       [this] { session_.setExpanded(!session_.expanded()); });
        menu.addAction(tr("Read the whole document"), this, [this] { emit openWanted(session_.document()); });
        menu.addAction(tr("Cite in a prompt"), this, [this] { emit citeWanted(session_.document()); });
    }
    emit addToMenuWanted(menu);
}

QString hitText(const RetrieveSession& session, int column, int place) {
    const RankColumn& ranking = session.columns()[static_cast<std::size_t>(column)];
    const retrieval::Ranked& hit = ranking.hits[static_cast<std::size_t>(place)];
    QString text = RankColumns::tr("%1\nrank %2 by %3, %4")
                       .arg(session.documents().title(hit.document))
                       .arg(place + 1)
                       .arg(strategyInfo(ranking.strategy).title, rankValue(ranking, hit.total));
    if (ranking.lists != nullptr) {
        const auto votes =
            retrieval::votesFor(*ranking.lists, *strategyInfo(ranking.strategy).rule, hit.document, ranking.on);
        const auto named =
            std::count_if(votes.begin(), votes.end(), [](const auto& vote) { return vote.vote > 0; });
        text += RankColumns::tr("\nvotes of %1 of %2").arg(named).arg(votes.size());
    }
    if (const QString label = session.documents().label(hit.document); !label.isEmpty()) {
        text += u'\n' + label;
    }
    for (std::size_t other = 0; other < session.columns().size(); ++other) {
        if (static_cast<int>(other) == column || !session.columns()[other].problem.isEmpty()) {
            continue;
        }
        const int there = session.columns()[other].place(hit.document);
        const QString name = strategyInfo(session.columns()[other].strategy).title;
        text += there < 0 ? RankColumns::tr("\nnot ranked by %1").arg(name)
                          : RankColumns::tr("\nrank %1 by %2").arg(there + 1).arg(name);
    }
    return text;
}

QString RankColumns::describe(const RankPlace& place) const {
    return hitText(session_, place.column, layout_.rows(place.column)[static_cast<std::size_t>(place.row)]);
}

TableTwin RankColumns::table() const {
    struct Line {
        QString strategy;
        int rank;
        QString title;
        QString label;
        double value;
        QString aspect;
        QString passage;
    };
    auto lines = std::make_shared<std::vector<Line>>();
    int here = -1;
    for (int column = 0; column < layout_.columns(); ++column) {
        const RankColumn& ranking = session_.columns()[static_cast<std::size_t>(column)];
        for (const int place : layout_.rows(column)) {
            const retrieval::Ranked& hit = ranking.hits[static_cast<std::size_t>(place)];
            if (hit.document == session_.document() && column == session_.column()) {
                here = static_cast<int>(lines->size());
            }
            const int aspect = session_.aspect(hit.document);
            lines->push_back({strategyInfo(ranking.strategy).title, place + 1,
                              session_.documents().title(hit.document), session_.documents().label(hit.document),
                              hit.total, aspect < 0 ? QString() : aspectLetter(aspect),
                              session_.passage(hit.document)});
        }
    }
    return {.title = tr("Rankings"),
            .columns = {tr("strategy"), tr("rank"), tr("document"), tr("label"), tr("value"), tr("aspect"),
                        tr("passage")},
            .rows = static_cast<int>(lines->size()),
            .cell = [lines](int row, int column) -> QVariant {
                const Line& line = (*lines)[static_cast<std::size_t>(row)];
                switch (column) {
                case 0:
                    return line.strategy;
                case 1:
                    return line.rank;
                case 2:
                    return line.title;
                case 3:
                    return line.label;
                case 4:
                    return line.value;
                case 5:
                    return line.aspect;
                default:
                    return line.passage;
                }
            },
            .current = here};
}

} // namespace fulgurite
