// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/cascade/library_view.h"

#include "ui/base/format.h"
#include "ui/base/theme_manager.h"
#include "ui/cascade/cascade_search.h"
#include "ui/cascade/image_grid.h"
#include "ui/charts/table_twin.h"

#include <QFileInfo>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QPushButton>
#include <QTimer>
#include <QVBoxLayout>

#include <algorithm>

namespace fulgurite {
namespace {

constexpr std::size_t kPage = 200;

} // namespace

LibraryView::LibraryView(ThemeManager& themes, CascadeSearch& search, ThumbnailStore& thumbnails)
    : themes_(themes), search_(search), images_(std::make_shared<std::vector<client::ImageInfo>>()) {
    grid_ = new ImageGrid(themes, thumbnails, tr("All images"));
    title_ = new QLabel;
    title_->setProperty("tone", "muted");
    unreadable_ = new QPushButton;
    unreadable_->setProperty("kind", "link");
    auto* top = new QHBoxLayout;
    top->setContentsMargins(10, 6, 10, 2);
    top->addWidget(title_, 1);
    top->addWidget(unreadable_);
    auto* rows = new QVBoxLayout(this);
    rows->setContentsMargins(0, 0, 0, 0);
    rows->setSpacing(0);
    rows->addLayout(top);
    rows->addWidget(grid_, 1);
    connect(grid_, &ImageGrid::chosen, &search_, [this](client::ImageId image) { search_.select(image); });
    connect(grid_, &ImageGrid::opened, this, &LibraryView::previewWanted);
    connect(grid_, &ImageGrid::keyPressed, this, [this](QKeyEvent* event, client::ImageId image) {
        if (event->key() == Qt::Key_M)
            emit moreLikeWanted(image);
    });
    connect(unreadable_, &QPushButton::clicked, this, &LibraryView::showUnreadable);
    connect(&search_, &CascadeSearch::librariesChanged, this, &LibraryView::follow);
    connect(&search_, &CascadeSearch::libraryChanged, this, &LibraryView::follow);
    follow();
}

void LibraryView::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    follow();
}

void LibraryView::follow() {
    const client::ImageLibrary* library = search_.library();
    title_->setText(
        library ? tr("%1 images in %2")
                      .arg(grouped(static_cast<qint64>(library->images)), QString::fromStdString(library->name))
                : QString());
    unreadable_->setVisible(library && library->unreadable > 0);
    if (library)
        unreadable_->setText(
            tr("%1 files could not be read").arg(grouped(static_cast<qint64>(library->unreadable))));
    const std::size_t count = library ? library->images : 0;
    if (isVisible() && (count != images_->size() || (library ? library->id : 0) != library_))
        reset();
}

void LibraryView::reset() {
    ++generation_;
    asked_.clear();
    library_ = search_.library() ? search_.library()->id : 0;
    images_ = std::make_shared<std::vector<client::ImageInfo>>(search_.library() ? search_.library()->images : 0);
    auto images = images_;
    grid_->setContent({static_cast<int>(images->size()),
                       [this, images](int index) {
                           const client::ImageInfo& image = (*images)[static_cast<std::size_t>(index)];
                           if (image.id == 0)
                               need(index);
                           const QString path = QString::fromStdString(image.path);
                           return GridCell{image.id, QFileInfo(path).fileName(),
                                           image.id == 0 ? QString()
                                                         : tr("%1\n%2 × %3 pixels, %4")
                                                               .arg(path)
                                                               .arg(image.width)
                                                               .arg(image.height)
                                                               .arg(bytesText(static_cast<qint64>(image.bytes))),
                                           false};
                       },
                       [images](client::ImageId image) {
                           const auto found = std::find_if(images->begin(), images->end(),
                                                           [image](const auto& each) { return each.id == image; });
                           return found == images->end() ? -1 : static_cast<int>(found - images->begin());
                       }});
}

// Called while the grid paints: the page is asked for afterwards.
void LibraryView::need(int index) {
    const std::size_t page = static_cast<std::size_t>(index) / kPage;
    if (asked_.insert(page).second)
        QTimer::singleShot(0, this, [this, page, mine = generation_] {
            if (mine == generation_)
                askPage(page);
        });
}

void LibraryView::askPage(std::size_t page) {
    if (!search_.client() || library_ == 0)
        return;
    search_.client()->images(
        library_, page * kPage, kPage,
        search_.onWindow<client::ImagePage>([this, page, mine = generation_](const auto& outcome) {
            if (mine != generation_)
                return;
            if (!outcome.ok()) {
                title_->setText(QString::fromUtf8(outcome.error().what()));
                return;
            }
            const auto& arrived = outcome.value().images;
            for (std::size_t i = 0; i < arrived.size() && page * kPage + i < images_->size(); ++i)
                (*images_)[page * kPage + i] = arrived[i];
            grid_->viewport()->update();
        }));
}

void LibraryView::showUnreadable() {
    if (!search_.client() || !search_.library())
        return;
    search_.client()->unreadable(
        search_.library()->id, search_.onWindow<std::vector<client::UnreadableImage>>([this](const auto& outcome) {
            if (!outcome.ok()) {
                title_->setText(QString::fromUtf8(outcome.error().what()));
                return;
            }
            TableTwin twin;
            twin.title = tr("Files that could not be read");
            twin.columns = {tr("file"), tr("reason")};
            twin.rows = static_cast<int>(outcome.value().size());
            twin.cell = [files = outcome.value()](int row, int column) -> QVariant {
                const client::UnreadableImage& file = files[static_cast<std::size_t>(row)];
                return QString::fromStdString(column == 0 ? file.path : file.reason);
            };
            (new TableTwinDialog(themes_, twin, this))->show();
        }));
}

} // namespace fulgurite
