// SPDX-License-Identifier: GPL-3.0-or-later
// The palette's widgets, painting of its rows and its keys.
#include "ui/shell/command_palette.h"

#include "ui/base/key_caps.h"
#include "ui/base/theme_manager.h"

#include <QElapsedTimer>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QPainter>
#include <QStyledItemDelegate>
#include <QVBoxLayout>

#include <algorithm>

namespace fulgurite {
namespace {

constexpr int kWidth = 664;
constexpr int kRow = 31;
constexpr int kVisibleRows = 12;

class PaletteDelegate : public QStyledItemDelegate {
  public:
    PaletteDelegate(ThemeManager& themes, QObject* parent) : QStyledItemDelegate(parent), themes_(themes) {}

    QSize sizeHint(const QStyleOptionViewItem&, const QModelIndex&) const override {
        return {0, std::max(kRow, themes_.scaled(kRow))};
    }

    void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override {
        const QRect row = option.rect;
        const bool selected = option.state & QStyle::State_Selected;
        const bool enabled = index.data(PaletteModel::EnabledRole).toBool();
        if (selected) {
            painter->fillRect(row, themes_.color(Role::Selection));
            painter->fillRect(QRect(row.left(), row.top(), 2, row.height()), themes_.color(Role::Focus));
        }
        const QString icon = index.data(PaletteModel::IconRole).toString();
        const QRect icon_rect(row.left() + 15, row.center().y() - 7, 16, 16);
        if (!icon.isEmpty())
            themes_.icon(icon, Role::Muted).paint(painter, icon_rect);

        const QRect keys_rect = row.adjusted(0, 0, -14, 0);
        const int keys =
            paintKeyCaps(*painter, themes_, keys_rect, index.data(PaletteModel::KeysRole).toStringList());
        painter->setFont(themes_.uiFont(11.5));
        const QString note = index.data(PaletteModel::NoteRole).toString();
        const int note_right = std::min(row.right() - 150, row.right() - keys - 24);
        const int note_width = std::min(QFontMetrics(painter->font()).horizontalAdvance(note) + 2, row.width() / 2);
        const QRect note_rect(note_right - note_width, row.top(), note_width, row.height());
        painter->setPen(themes_.color(Role::Muted));
        painter->drawText(note_rect, Qt::AlignVCenter | Qt::AlignRight,
                          QFontMetrics(painter->font()).elidedText(note, Qt::ElideRight, note_width));
        const QRect title_rect(row.left() + 44, row.top(), note_rect.left() - row.left() - 56, row.height());
        paintTitle(*painter, title_rect, index, enabled);
    }

  private:
    void paintTitle(QPainter& painter, const QRect& rect, const QModelIndex& index, bool enabled) const {
        const QFont plain = themes_.uiFont();
        const QFont bold = themes_.uiFont(13, QFont::Bold);
        const QList<int> positions = index.data(PaletteModel::PositionsRole).value<QList<int>>();
        const QString title = index.data(Qt::DisplayRole).toString();
        const int baseline = rect.center().y() + QFontMetrics(plain).ascent() / 2 - 1;
        double x = rect.left();
        painter.save();
        painter.setClipRect(rect);
        for (int start = 0; start < title.size();) {
            const bool matched = positions.contains(start);
            int end = start + 1;
            while (end < title.size() && positions.contains(end) == matched)
                ++end;
            const QString piece = title.mid(start, end - start);
            painter.setFont(matched ? bold : plain);
            painter.setPen(themes_.color(!enabled ? Role::Muted : matched ? Role::Accent : Role::Text));
            painter.drawText(QPointF(x, baseline), piece);
            x += QFontMetricsF(painter.font()).horizontalAdvance(piece);
            start = end;
        }
        painter.restore();
    }

    ThemeManager& themes_;
};

QLabel* footerLabel(const QString& text) {
    auto* label = new QLabel(text);
    label->setProperty("tone", "small");
    return label;
}

} // namespace

CommandPalette::CommandPalette(ThemeManager& themes, ActionRegistry& actions, QWidget* parent)
    : QWidget(parent), themes_(themes), actions_(actions), model_(new PaletteModel(actions, this)) {
    setObjectName(QStringLiteral("commandPalette"));
    setAccessibleName(QStringLiteral("Command palette"));
    panel_ = new QFrame(this);
    panel_->setProperty("surface", "raisedCard");
    auto* column = new QVBoxLayout(panel_);
    column->setContentsMargins(1, 1, 1, 1);
    column->setSpacing(0);

    auto* top = new QHBoxLayout;
    top->setContentsMargins(15, 6, 15, 6);
    auto* glass = new QLabel;
    glass->setPixmap(themes.icon(QStringLiteral("search")).pixmap(16, 16));
    connect(&themes, &ThemeManager::changed, glass,
            [glass, &themes] { glass->setPixmap(themes.icon(QStringLiteral("search")).pixmap(16, 16)); });
    field_ = new QLineEdit;
    field_->setProperty("kind", "bare");
    field_->setPlaceholderText(QStringLiteral("Go to or run..."));
    field_->setAccessibleName(QStringLiteral("Command"));
    field_->setMinimumHeight(36);
    field_->setFont(themes.uiFont(15));
    connect(&themes, &ThemeManager::changed, field_, [this] { field_->setFont(themes_.uiFont(15)); });
    count_ = footerLabel({});
    top->addWidget(glass);
    top->addWidget(field_, 1);
    top->addWidget(count_);
    column->addLayout(top);
    auto add_rule = [column] {
        auto* rule = new QFrame;
        rule->setProperty("surface", "rule");
        rule->setFixedHeight(1);
        column->addWidget(rule);
    };
    add_rule();
    column->addSpacing(4);

    list_ = new QListView;
    list_->setModel(model_);
    list_->setItemDelegate(new PaletteDelegate(themes, list_));
    list_->setFocusPolicy(Qt::NoFocus); // the field keeps the focus and passes the keys on
    list_->setUniformItemSizes(true);
    list_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    list_->setAccessibleName(QStringLiteral("Commands found"));
    list_->setStyleSheet(QStringLiteral("QListView { background: transparent; }"));
    column->addWidget(list_);
    empty_ = footerLabel(QStringLiteral("No command matches. Try fewer letters."));
    empty_->setContentsMargins(15, 12, 15, 12);
    column->addWidget(empty_);
    column->addSpacing(4);
    add_rule();
    footer_ = new QFrame;
    column->addWidget(footer_);

    connect(field_, &QLineEdit::textChanged, this, &CommandPalette::search);
    connect(list_, &QListView::clicked, this, [this](const QModelIndex& index) {
        list_->setCurrentIndex(index);
        runCurrent();
    });
    field_->installEventFilter(this);
    parent->installEventFilter(this);
    hide();
}

void CommandPalette::buildFooter(QFrame* footer) {
    delete footer->layout();
    qDeleteAll(footer->findChildren<QWidget*>(Qt::FindDirectChildrenOnly));
    auto* row = new QHBoxLayout(footer);
    row->setContentsMargins(14, 7, 14, 7);
    row->setSpacing(6);
    auto add = [row](const QStringList& caps, const QString& text) {
        for (const QString& cap : caps) {
            auto* label = new QLabel(cap);
            label->setProperty("tone", "key");
            row->addWidget(label);
        }
        row->addWidget(footerLabel(text));
        row->addSpacing(8);
    };
    add({QStringLiteral("\u2191"), QStringLiteral("\u2193")}, QStringLiteral("choose"));
    add({QStringLiteral("Enter")}, QStringLiteral("run"));
    add({QStringLiteral("Ctrl"), QStringLiteral("K")}, QStringLiteral("change shortcut"));
    row->addStretch();
    for (const PaletteSource& source : actions_.paletteSources()) {
        auto* prefix = new QLabel(source.prefix);
        prefix->setProperty("tone", "strong");
        row->addWidget(prefix);
        row->addWidget(footerLabel(source.hint));
    }
}

void CommandPalette::open(const QString& query) {
    QElapsedTimer timer;
    timer.start();
    if (!isVisible())
        focus_before_ = window()->focusWidget();
    buildFooter(footer_);
    {
        const QSignalBlocker blocker(field_);
        field_->setText(query);
    }
    search(query);
    setGeometry(parentWidget()->rect());
    show();
    raise();
    field_->setFocus(Qt::PopupFocusReason);
    field_->end(false);
    repaint();
    open_milliseconds_ = static_cast<double>(timer.nsecsElapsed()) / 1e6;
}

void CommandPalette::close() {
    if (!isVisible())
        return;
    hide();
    if (focus_before_)
        focus_before_->setFocus(Qt::OtherFocusReason);
}

void CommandPalette::search(const QString& query) {
    model_->setQuery(query);
    const int found = model_->rowCount();
    count_->setText(QStringLiteral("%1 of %2 commands").arg(found).arg(model_->total()));
    count_->setVisible(query.isEmpty() || query.front().isLetterOrNumber());
    empty_->setVisible(found == 0);
    list_->setVisible(found > 0);
    if (found > 0)
        list_->setCurrentIndex(model_->index(0, 0));
    place();
}

void CommandPalette::place() {
    const int width = std::min(std::max(kWidth, themes_.scaled(kWidth)), parentWidget()->width() - 32);
    const int row = std::max(kRow, themes_.scaled(kRow));
    const int rows = std::clamp(model_->rowCount(), 1, kVisibleRows);
    list_->setFixedHeight(std::min(rows * row, std::max(row, parentWidget()->height() - 180)));
    panel_->setFixedWidth(width);
    panel_->adjustSize();
    panel_->move((parentWidget()->width() - width) / 2 + (parentWidget()->width() > 1200 ? 140 : 0), 56);
}

bool CommandPalette::runCurrent() {
    const QModelIndex index = list_->currentIndex();
    if (!index.isValid() || !index.data(PaletteModel::EnabledRole).toBool())
        return false;
    const QString id = model_->actionId(index.row());
    const std::function<void()> run = model_->itemFunction(index.row());
    close(); // first, so that the action finds the focus where the person had it
    if (!id.isEmpty())
        return actions_.run(id);
    run();
    return true;
}

bool CommandPalette::handleKey(int key, Qt::KeyboardModifiers modifiers) {
    const int row = list_->currentIndex().row();
    const int count = model_->rowCount();
    auto go = [this, count](int to) {
        if (count > 0)
            list_->setCurrentIndex(model_->index(std::clamp(to, 0, count - 1), 0));
        return true;
    };
    switch (key) {
    case Qt::Key_Escape:
        close();
        return true;
    case Qt::Key_Return:
    case Qt::Key_Enter:
        runCurrent();
        return true;
    case Qt::Key_Down:
        return go(row + 1 == count ? 0 : row + 1);
    case Qt::Key_Up:
        return go(row <= 0 ? count - 1 : row - 1);
    case Qt::Key_PageDown:
        return go(row + kVisibleRows);
    case Qt::Key_PageUp:
        return go(row - kVisibleRows);
    case Qt::Key_Tab:
    case Qt::Key_Backtab:
        return true; // the focus stays in the field
    case Qt::Key_K:
        if (modifiers == Qt::ControlModifier && row >= 0 && !model_->actionId(row).isEmpty()) {
            const QString id = model_->actionId(row);
            close();
            emit shortcutChangeWanted(id);
            return true;
        }
        return false;
    default:
        return false;
    }
}

bool CommandPalette::eventFilter(QObject* object, QEvent* event) {
    if (object == field_ && (event->type() == QEvent::KeyPress || event->type() == QEvent::ShortcutOverride)) {
        auto* key = static_cast<QKeyEvent*>(event);
        if (event->type() == QEvent::ShortcutOverride) {
            event->accept(); // no shortcut of a page fires while the palette has the keys
            return true;
        }
        return handleKey(key->key(), key->modifiers());
    }
    if (object == parent() && event->type() == QEvent::Resize && isVisible()) {
        setGeometry(parentWidget()->rect());
        place();
    }
    return QWidget::eventFilter(object, event);
}

void CommandPalette::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    QColor veil = themes_.color(Role::Background);
    veil.setAlphaF(0.45f);
    painter.fillRect(rect(), veil);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(Qt::NoPen);
    const QColor shadow = themes_.color(Role::Shadow);
    for (int i = 1; i <= 6; ++i) {
        QColor step = shadow;
        step.setAlphaF(shadow.alphaF() / 10);
        painter.setBrush(step);
        painter.drawRoundedRect(panel_->geometry().adjusted(-i, -i + 3, i, i + 5), 8 + i, 8 + i);
    }
}

void CommandPalette::mousePressEvent(QMouseEvent* event) {
    if (!panel_->geometry().contains(event->pos()))
        close();
}

} // namespace fulgurite
