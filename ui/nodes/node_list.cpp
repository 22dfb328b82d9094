// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/nodes/node_list.h"

#include "ui/base/theme_manager.h"

#include <QAccessible>
#include <QContextMenuEvent>
#include <QKeyEvent>
#include <QPainter>

#include <algorithm>
#include <array>

namespace fulgurite {

namespace {

constexpr int kRowHeight = 92;
constexpr int kInset = 14;
constexpr int kMark = 10;
constexpr int kIcon = 24;
constexpr int kIconGap = 4;

struct Use {
    const char* capability;
    const char* icon;
    const char* name;
};
constexpr std::array<Use, 4> kUses{{{"chat", "prompt", QT_TRANSLATE_NOOP("NodeList", "prompt")},
                                    {"captures", "inspect", QT_TRANSLATE_NOOP("NodeList", "inspect")},
                                    {"jobs", "train", QT_TRANSLATE_NOOP("NodeList", "train")},
                                    {"retrieval", "retrieve", QT_TRANSLATE_NOOP("NodeList", "retrieve")}}};

bool can(const NodeLink& link, const char* capability) {
    return link.info() && link.info()->can(capability);
}

QString spoken(const NodeHub& hub, const NodeEntry& entry) {
    const NodeLink& link = hub.link(entry.id);
    QStringList parts{entry.name, linkStateText(link), serverText(link), routeText(entry)};
    if (link.info())
        parts << NodeList::tr("model %1").arg(QString::fromStdString(link.info()->model.id));
    for (const Use& use : kUses)
        parts << (can(link, use.capability) ? NodeList::tr(use.name)
                                            : NodeList::tr("no %1").arg(NodeList::tr(use.name)));
    if (!link.message().isEmpty() && link.state() != LinkState::Ready)
        parts << link.message();
    return parts.join(QStringLiteral(", "));
}

} // namespace

QString linkStateText(const NodeLink& link) {
    switch (link.state()) {
    case LinkState::Off:
        return NodeList::tr("off");
    case LinkState::Connecting:
        return NodeList::tr("connecting");
    case LinkState::Loading:
        return NodeList::tr("loading");
    case LinkState::Ready:
        return NodeList::tr("ready");
    case LinkState::Waiting:
        return NodeList::tr("in %1 s").arg(link.secondsLeft());
    case LinkState::Failed:
        break;
    }
    return NodeList::tr("failed");
}

QString serverText(const NodeLink& link) {
    if (link.facts().kind == client::ServerKind::Unknown)
        return {};
    const std::string_view name = nameOf(link.facts().kind);
    return QStringLiteral("%1 %2")
        .arg(QString::fromUtf8(name.data(), static_cast<qsizetype>(name.size())),
             QString::fromStdString(link.facts().version))
        .trimmed();
}

QString routeText(const NodeEntry& entry) {
    if (entry.id == kLocalNode)
        return NodeList::tr("child process");
    return entry.tunnelled() ? NodeList::tr("over SSH: %1").arg(entry.ssh_host) : entry.address;
}

QString rateText(const NodeActivity& activity) {
    const double rate = activity.points.empty() ? 0 : activity.points.back().y();
    return rate > 0 ? NodeList::tr("%1 tok/s").arg(rate, 0, 'f', rate < 10 ? 1 : 0) : QString();
}

void paintNodeMark(QPainter& painter, const QRectF& box, const NodeLink& link, const ThemeManager& themes) {
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    const bool ours = link.facts().kind == client::ServerKind::Fulgurite;
    switch (link.state()) {
    case LinkState::Ready:
        painter.setPen(QPen(themes.color(Role::Good), 1.5));
        painter.setBrush(ours ? themes.color(Role::Good) : QColor(Qt::transparent));
        painter.drawEllipse(box);
        if (!ours) {
            painter.setPen(Qt::NoPen);
            painter.setBrush(themes.color(Role::Good));
            painter.drawPie(box, 90 * 16, 180 * 16);
        }
        break;
    case LinkState::Waiting:
    case LinkState::Connecting:
    case LinkState::Loading:
        painter.setPen(QPen(themes.color(Role::Line), 2));
        painter.drawEllipse(box);
        painter.setPen(QPen(themes.color(link.state() == LinkState::Waiting ? Role::Warn : Role::Focus), 2));
        painter.drawArc(box, 90 * 16, -250 * 16);
        break;
    case LinkState::Failed:
        painter.setPen(QPen(themes.color(Role::Bad), 2));
        painter.drawLine(box.topLeft(), box.bottomRight());
        painter.drawLine(box.topRight(), box.bottomLeft());
        break;
    case LinkState::Off:
        painter.setPen(QPen(themes.color(Role::Faint), 1.5));
        painter.drawEllipse(box);
        break;
    }
    painter.restore();
}

NodeListModel::NodeListModel(NodeHub& hub, QObject* parent) : QAbstractListModel(parent), hub_(hub) {
    connect(&hub, &NodeHub::listChanged, this, [this] {
        beginResetModel();
        endResetModel();
    });
    const auto repaint = [this](const QString& id) {
        if (const int row = rowOf(id); row >= 0)
            emit dataChanged(index(row), index(row));
    };
    connect(&hub, &NodeHub::nodeChanged, this, repaint);
    connect(&hub, &NodeHub::currentChanged, this, [this] { emit dataChanged(index(0), index(rowCount() - 1)); });
}

QString NodeListModel::idAt(int row) const {
    const QList<NodeEntry>& entries = hub_.book().entries();
    return row >= 0 && row < entries.size() ? entries[row].id : QString();
}

int NodeListModel::rowOf(const QString& id) const {
    for (int row = 0; row < rowCount(); ++row)
        if (idAt(row) == id)
            return row;
    return -1;
}

int NodeListModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(hub_.book().entries().size());
}

QVariant NodeListModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid())
        return {};
    const NodeEntry& entry = hub_.book().entries()[index.row()];
    if (role == Qt::DisplayRole || role == Qt::EditRole)
        return entry.name;
    if (role == Qt::AccessibleTextRole)
        return spoken(hub_, entry);
    if (role != Qt::ToolTipRole)
        return {};
    QStringList lines{entry.name, routeText(entry)};
    const NodeLink& link = hub_.link(entry.id);
    if (!link.message().isEmpty() && link.state() != LinkState::Ready)
        lines << link.message();
    for (const Use& use : kUses)
        if (const QString why = link.whyNot(use.capability); link.info() && !why.isEmpty())
            lines << QStringLiteral("%1: %2").arg(NodeList::tr(use.name), why);
    return lines.join(u'\n');
}

bool NodeListModel::setData(const QModelIndex& index, const QVariant& value, int role) {
    const QString name = value.toString().trimmed();
    if (role != Qt::EditRole || !index.isValid() || name.isEmpty())
        return false;
    NodeEntry entry = hub_.book().entries()[index.row()];
    entry.name = name;
    hub_.change(entry);
    return true;
}

Qt::ItemFlags NodeListModel::flags(const QModelIndex& index) const {
    return QAbstractListModel::flags(index) | Qt::ItemIsEditable;
}

NodeDelegate::NodeDelegate(ThemeManager& themes, const NodeListModel& model, QObject* parent)
    : QStyledItemDelegate(parent), themes_(themes), model_(model) {}

QSize NodeDelegate::sizeHint(const QStyleOptionViewItem&, const QModelIndex&) const {
    return {200, themes_.scaled(kRowHeight)};
}

void NodeDelegate::updateEditorGeometry(QWidget* editor, const QStyleOptionViewItem& option,
                                        const QModelIndex&) const {
    editor->setGeometry(option.rect.adjusted(themes_.scaled(kInset + 14), 4, -6, 0).left(), option.rect.top() + 4,
                        option.rect.width() - themes_.scaled(kInset + 20), themes_.scaled(26));
}

void NodeDelegate::paintAbilities(QPainter& painter, QPoint at, int width, const NodeLink& link) const {
    painter.setRenderHint(QPainter::Antialiasing);
    // In a narrow list all four are seen, smaller.
    const int gap = themes_.scaled(kIconGap);
    const int count = static_cast<int>(kUses.size());
    const int size = std::min(themes_.scaled(kIcon), (width - (count - 1) * gap) / count);
    for (const Use& use : kUses) {
        const bool yes = can(link, use.capability);
        const QRectF box(at.x() + 0.5, at.y() + 0.5, size - 1, size - 1);
        painter.setBrush(Qt::NoBrush);
        painter.setPen(QPen(themes_.color(yes ? Role::Faint : Role::Line), 1, yes ? Qt::SolidLine : Qt::DashLine));
        painter.drawRoundedRect(box, 4, 4);
        const QRect inside = box.toRect().adjusted(5, 5, -4, -4);
        themes_.icon(QLatin1String(use.icon), yes ? Role::Text : Role::Faint).paint(&painter, inside);
        if (!yes)
            painter.drawLine(box.bottomLeft() + QPointF(4, -4), box.topRight() + QPointF(-4, 4));
        at.rx() += size + gap;
    }
}

void NodeDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const {
    const NodeHub& hub = model_.hub();
    const NodeEntry& entry = hub.book().entries()[index.row()];
    const NodeLink& link = hub.link(entry.id);
    painter->save();
    const QRect row = option.rect;
    const bool selected = option.state.testFlag(QStyle::State_Selected);
    painter->fillRect(row, themes_.color(selected ? Role::Selection : Role::Panel));
    if (hub.current() == entry.id)
        painter->fillRect(QRect(row.left(), row.top(), 3, row.height()), themes_.color(Role::Accent));
    painter->setPen(themes_.color(Role::Line));
    painter->drawLine(row.bottomLeft(), row.bottomRight());

    const int left = row.left() + themes_.scaled(kInset + kMark + 8);
    const int line = themes_.scaled(19);
    const int right = row.right() - themes_.scaled(10);
    int y = row.top() + themes_.scaled(8);
    const double mark = themes_.scaled(kMark);
    paintNodeMark(*painter, QRectF(row.left() + themes_.scaled(kInset), y + (line - mark) / 2, mark, mark), link,
                  themes_);
    const bool waits = link.state() == LinkState::Waiting;
    const QString rate = rateText(hub.activity(entry.id));
    const QString state = link.state() == LinkState::Ready ? rate : linkStateText(link);
    painter->setFont(themes_.uiFont(11.5));
    const int state_width = painter->fontMetrics().horizontalAdvance(state);
    painter->setPen(themes_.color(waits ? Role::Warn : Role::Muted));
    painter->drawText(QRect(right - state_width, y, state_width, line), Qt::AlignRight | Qt::AlignVCenter, state);
    painter->setFont(themes_.uiFont(13, QFont::DemiBold));
    painter->setPen(themes_.color(Role::Text));
    const QRect name(left, y, right - state_width - themes_.scaled(8) - left, line);
    painter->drawText(name, Qt::AlignLeft | Qt::AlignVCenter,
                      painter->fontMetrics().elidedText(entry.name, Qt::ElideRight, name.width()));
    y += line;

    painter->setFont(themes_.uiFont(11.5));
    painter->setPen(themes_.color(Role::Muted));
    const QString server = serverText(link);
    const QString second = server.isEmpty() ? routeText(entry) : routeText(entry) + QStringLiteral(" · ") + server;
    const QString model = link.info() ? QString::fromStdString(link.info()->model.id) : link.message();
    for (const QString& text : {second, model}) {
        const QRect place(left, y, right - left, themes_.scaled(16));
        painter->drawText(place, Qt::AlignLeft | Qt::AlignVCenter,
                          painter->fontMetrics().elidedText(text.simplified(), Qt::ElideRight, place.width()));
        y += themes_.scaled(16);
    }
    paintAbilities(*painter, {left, y + themes_.scaled(3)}, right - left, link);
    if (option.state.testFlag(QStyle::State_HasFocus) && selected) {
        painter->setBrush(Qt::NoBrush);
        painter->setPen(QPen(themes_.color(Role::Focus), 2));
        painter->drawRect(row.adjusted(1, 1, -1, -2));
    }
    painter->restore();
}

NodeList::NodeList(ThemeManager& themes, NodeHub& hub, QWidget* parent)
    : QListView(parent), model_(new NodeListModel(hub, this)) {
    setAccessibleName(tr("Nodes"));
    setModel(model_);
    setItemDelegate(new NodeDelegate(themes, *model_, this));
    setEditTriggers(QAbstractItemView::EditKeyPressed); // F2
    setSelectionMode(QAbstractItemView::SingleSelection);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    setMouseTracking(true);
    connect(&themes, &ThemeManager::changed, this, [this] { scheduleDelayedItemsLayout(); });
    connect(this, &QListView::doubleClicked, this,
            [this](const QModelIndex& at) { emit promptWanted(model_->idAt(at.row())); });
}

QString NodeList::current() const {
    return model_->idAt(currentIndex().row());
}

void NodeList::setCurrent(const QString& id) {
    setCurrentIndex(model_->index(std::max(0, model_->rowOf(id))));
}

void NodeList::currentChanged(const QModelIndex& current, const QModelIndex& previous) {
    QListView::currentChanged(current, previous);
    if (current.isValid())
        emit currentNodeChanged(model_->idAt(current.row()));
}

void NodeList::keyPressEvent(QKeyEvent* event) {
    const bool alt = event->modifiers() == Qt::AltModifier;
    if (state() == QAbstractItemView::EditingState)
        return QListView::keyPressEvent(event);
    if (event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter)
        return emit promptWanted(current());
    if (event->key() == Qt::Key_Delete)
        return emit removeWanted(current());
    if (alt && (event->key() == Qt::Key_Up || event->key() == Qt::Key_Down))
        return emit moveWanted(current(), event->key() == Qt::Key_Up ? -1 : 1);
    QListView::keyPressEvent(event);
}

void NodeList::contextMenuEvent(QContextMenuEvent* event) {
    const bool by_key = event->reason() == QContextMenuEvent::Keyboard;
    const QModelIndex at = by_key ? currentIndex() : indexAt(event->pos());
    if (at.isValid())
        emit menuWanted(model_->idAt(at.row()),
                        by_key ? mapToGlobal(visualRect(at).bottomLeft()) : event->globalPos());
}

} // namespace fulgurite
