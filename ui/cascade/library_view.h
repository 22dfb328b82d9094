// SPDX-License-Identifier: GPL-3.0-or-later
// All images of the library in the order of their files, fetched in pages as they come into sight; and the files
// that could not be read, with the reason.
#pragma once

#include "core/client/cascade_types.h"

#include <QWidget>

#include <memory>
#include <set>
#include <vector>

class QLabel;
class QPushButton;

namespace fulgurite {

class CascadeSearch;
class ImageGrid;
class ThemeManager;
class ThumbnailStore;

class LibraryView : public QWidget {
    Q_OBJECT

  public:
    LibraryView(ThemeManager& themes, CascadeSearch& search, ThumbnailStore& thumbnails);

    ImageGrid& grid() { return *grid_; }

  signals:
    void previewWanted(client::ImageId image);
    void moreLikeWanted(client::ImageId image);

  protected:
    void showEvent(QShowEvent* event) override;

  private:
    void follow();
    void reset();
    void need(int index);
    void askPage(std::size_t page);
    void showUnreadable();

    ThemeManager& themes_;
    CascadeSearch& search_;
    ImageGrid* grid_;
    QLabel* title_;
    QPushButton* unreadable_;
    std::shared_ptr<std::vector<client::ImageInfo>> images_; // id 0: not fetched yet
    std::set<std::size_t> asked_;                            // pages
    quint64 generation_ = 0;
    std::int64_t library_ = 0;
};

} // namespace fulgurite
