// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/cascade/image_grid.h"

#include "ui/base/theme_manager.h"
#include "ui/cascade/thumbnail_store.h"

#include <QAccessible>
#include <QHelpEvent>
#include <QKeyEvent>
#include <QPainter>
#include <QPainterPath>
#include <QScrollBar>
#include <QToolTip>

#include <algorithm>
#include <memory>

namespace fulgurite {
namespace {

constexpr double kPale = 0.45;
constexpr int kTextHeight = 16;

} // namespace

ImageGrid::ImageGrid(ThemeManager& themes, ThumbnailStore& thumbnails, const QString& name, QWidget* parent)
    : QAbstractScrollArea(parent), themes_(themes), thumbnails_(thumbnails) {
    setAccessibleName(name);
    setFocusPolicy(Qt::StrongFocus);
    setFrameShape(QFrame::NoFrame);
    viewport()->setProperty("surface", "panel");
    const auto repaint = [this] { viewport()->update(); };
    connect(&thumbnails_, &ThumbnailStore::arrived, this, repaint);
    connect(&thumbnails_, &ThumbnailStore::cleared, this, repaint);
    connect(&themes_, &ThemeManager::changed, this, [this, repaint] {
        fitScrollBars();
        repaint();
    });
}

void ImageGrid::setContent(GridContent content) {
    const client::ImageId before = current_ >= 0 ? content_.cell(current_).image : 0;
    content_ = std::move(content);
    current_ = before == 0 || content_.count == 0 ? -1 : content_.find(before);
    fitScrollBars();
    viewport()->update();
}

void ImageGrid::setCells(std::vector<GridCell> cells) {
    auto held = std::make_shared<const std::vector<GridCell>>(std::move(cells));
    setContent({static_cast<int>(held->size()),
                [held](int index) { return (*held)[static_cast<std::size_t>(index)]; },
                [held](client::ImageId image) {
                    const auto found = std::find_if(held->begin(), held->end(),
                                                    [image](const GridCell& each) { return each.image == image; });
                    return found == held->end() ? -1 : static_cast<int>(found - held->begin());
                }});
}

void ImageGrid::setCellSize(QSize size, CellPainter painter, bool one_row) {
    cell_ = size;
    painter_ = std::move(painter);
    one_row_ = one_row;
    setVerticalScrollBarPolicy(one_row ? Qt::ScrollBarAlwaysOff : Qt::ScrollBarAsNeeded);
    setHorizontalScrollBarPolicy(one_row ? Qt::ScrollBarAsNeeded : Qt::ScrollBarAlwaysOff);
    fitScrollBars();
}

QSize ImageGrid::cell() const {
    return {themes_.scaled(cell_.width()), themes_.scaled(cell_.height())};
}

int ImageGrid::columns() const {
    return one_row_ ? std::max(1, content_.count) : std::max(1, viewport()->width() / cell().width());
}

// Columns share the width that is left over.
QRect ImageGrid::cellRect(int index) const {
    const QSize size = cell();
    const int across = columns();
    const int width = one_row_ ? size.width() : std::max(size.width(), viewport()->width() / across);
    return {(index % across) * width - horizontalScrollBar()->value(),
            (index / across) * size.height() - verticalScrollBar()->value(), width, size.height()};
}

int ImageGrid::indexAt(QPoint at) const {
    const QRect first = cellRect(0);
    const int column = (at.x() - first.left()) / first.width();
    const int row = (at.y() - first.top()) / first.height();
    const int index = row * columns() + column;
    return at.x() >= first.left() && column < columns() && row >= 0 && index < content_.count ? index : -1;
}

void ImageGrid::fitScrollBars() {
    const int rows = (content_.count + columns() - 1) / columns();
    const QSize size = cell();
    verticalScrollBar()->setPageStep(viewport()->height());
    verticalScrollBar()->setSingleStep(size.height() / 2);
    verticalScrollBar()->setRange(0, std::max(0, rows * size.height() - viewport()->height()));
    horizontalScrollBar()->setPageStep(viewport()->width());
    horizontalScrollBar()->setSingleStep(size.width());
    horizontalScrollBar()->setRange(0, one_row_ ? std::max(0, content_.count * size.width() - viewport()->width())
                                                : 0);
}

void ImageGrid::resizeEvent(QResizeEvent*) {
    fitScrollBars();
}

void ImageGrid::focusInEvent(QFocusEvent* event) {
    QAbstractScrollArea::focusInEvent(event);
    viewport()->update();
}

void ImageGrid::paintThumbnail(QPainter& painter, const QRectF& box, client::ImageId image, bool pale) const {
    const QPixmap* pixmap = image == 0 ? nullptr : thumbnails_.find(image);
    if (!pixmap) {
        painter.fillRect(box, themes_.color(Role::Raised));
        return;
    }
    painter.save();
    painter.setOpacity(pale ? kPale : 1);
    painter.setRenderHint(QPainter::SmoothPixmapTransform);
    const QSizeF shown = QSizeF(pixmap->size()).scaled(box.size(), Qt::KeepAspectRatio);
    painter.drawPixmap(QRectF(box.center() - QPointF(shown.width(), shown.height()) / 2, shown), *pixmap,
                       QRectF(pixmap->rect()));
    painter.restore();
}

void ImageGrid::paintPlain(QPainter& painter, const QRectF& box, int index, bool selected) const {
    const GridCell cell = content_.cell(index);
    const double text = cell.text.isEmpty() ? 0 : themes_.scaled(kTextHeight);
    const double side = std::min(box.width() - 6, box.height() - text - 6);
    const QRectF picture(box.center().x() - side / 2, box.top() + 3, side, side);
    paintThumbnail(painter, picture, cell.image, cell.pale);
    if (selected) {
        painter.setRenderHint(QPainter::Antialiasing);
        painter.setPen(QPen(themes_.color(Role::Focus), 2));
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(picture.adjusted(-1.5, -1.5, 1.5, 1.5), 4, 4);
    }
    painter.setFont(themes_.uiFont(10.5, selected ? QFont::DemiBold : QFont::Normal));
    painter.setPen(themes_.color(selected ? Role::Text : Role::Muted));
    painter.drawText(QRectF(box.left(), picture.bottom() + 2, box.width(), text), Qt::AlignCenter, cell.text);
}

void ImageGrid::paintEvent(QPaintEvent*) {
    QPainter painter(viewport());
    if (content_.count == 0)
        return;
    const int across = columns();
    const int height = cell().height();
    const int first_row = verticalScrollBar()->value() / height;
    const int last_row = (verticalScrollBar()->value() + viewport()->height()) / height;
    int first = first_row * across;
    int last = std::min(content_.count - 1, (last_row + 1) * across - 1);
    if (one_row_) {
        first = std::clamp(horizontalScrollBar()->value() / cell().width(), 0, last);
        last = std::min(last, (horizontalScrollBar()->value() + viewport()->width()) / cell().width());
    }
    // From the last to the first: the picture asked for last comes first, and that is the one at the top.
    for (int i = last; i >= first; --i) {
        const QRectF box = cellRect(i);
        painter.save();
        if (painter_)
            painter_(painter, box, i, i == current_);
        else
            paintPlain(painter, box, i, i == current_);
        painter.restore();
    }
    if (hasFocus() && current_ < 0) {
        painter.setPen(QPen(themes_.color(Role::Focus), 2));
        painter.drawRect(viewport()->rect().adjusted(1, 1, -1, -1));
    }
}

void ImageGrid::setCurrent(std::optional<client::ImageId> image) {
    current_ = -1;
    if (image) {
        current_ = content_.count == 0 ? -1 : content_.find(*image);
        if (current_ >= 0) {
            const QRect box = cellRect(current_);
            if (box.top() < 0 || box.bottom() > viewport()->height())
                verticalScrollBar()->setValue(verticalScrollBar()->value() + box.center().y() -
                                              viewport()->height() / 2);
            if (box.left() < 0 || box.right() > viewport()->width())
                horizontalScrollBar()->setValue(horizontalScrollBar()->value() + box.center().x() -
                                                viewport()->width() / 2);
        }
    }
    viewport()->update();
}

void ImageGrid::moveTo(int index) {
    if (content_.count == 0)
        return;
    index = std::clamp(index, 0, content_.count - 1);
    const GridCell cell = content_.cell(index);
    if (cell.image == 0)
        return;
    setCurrent(cell.image);
    QAccessibleValueChangeEvent spoken(this, cell.description);
    QAccessible::updateAccessibility(&spoken);
    emit chosen(cell.image);
}

void ImageGrid::mousePressEvent(QMouseEvent* event) {
    if (const int index = indexAt(event->position().toPoint()); index >= 0 && event->button() == Qt::LeftButton)
        moveTo(index);
}

void ImageGrid::mouseDoubleClickEvent(QMouseEvent* event) {
    if (const int index = indexAt(event->position().toPoint()); index >= 0)
        emit opened(content_.cell(index).image);
}

void ImageGrid::keyPressEvent(QKeyEvent* event) {
    const int page = std::max(1, viewport()->height() / cell().height()) * columns();
    const int last = content_.count - 1;
    switch (event->key()) {
    case Qt::Key_Left:
        return moveTo(current_ - 1);
    case Qt::Key_Right:
        return moveTo(current_ + 1);
    case Qt::Key_Up:
        return one_row_ ? QAbstractScrollArea::keyPressEvent(event) : moveTo(current_ - columns());
    case Qt::Key_Down:
        return one_row_ ? QAbstractScrollArea::keyPressEvent(event) : moveTo(current_ + columns());
    case Qt::Key_PageUp:
        return moveTo(current_ - page);
    case Qt::Key_PageDown:
        return moveTo(current_ + page);
    case Qt::Key_Home:
        return moveTo(0);
    case Qt::Key_End:
        return moveTo(last);
    default:
        break;
    }
    if (current_ < 0)
        return QAbstractScrollArea::keyPressEvent(event);
    const client::ImageId image = content_.cell(current_).image;
    if (event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter || event->key() == Qt::Key_Space)
        emit opened(image);
    else if (!event->text().isEmpty() && !(event->modifiers() & (Qt::ControlModifier | Qt::AltModifier)))
        emit keyPressed(event, image);
    else
        QAbstractScrollArea::keyPressEvent(event);
}

bool ImageGrid::viewportEvent(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        const auto* help = static_cast<QHelpEvent*>(event);
        const int index = content_.count == 0 ? -1 : indexAt(help->pos());
        QToolTip::showText(help->globalPos(), index < 0 ? QString() : content_.cell(index).description, viewport());
        return true;
    }
    return QAbstractScrollArea::viewportEvent(event);
}

} // namespace fulgurite
