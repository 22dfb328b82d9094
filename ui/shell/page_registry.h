// SPDX-License-Identifier: GPL-3.0-or-later
// Which pages the window has. A page is listed only when it is ready to be used.
#pragma once

#include "ui/shell/page.h"

#include <QKeySequence>
#include <QList>

#include <functional>

namespace fulgurite {

struct PageInfo {
    QString id;
    QString title;
    QString icon;
    bool at_bottom = false;                         // of the rail: Settings
    QStringList suffixes = {};                      // of the files that its openFile() opens, without the dot
    std::function<Page*(const ShellContext&)> make; // called when the page is first shown
};

class PageRegistry {
  public:
    void add(const PageInfo& info) { pages_ << info; }
    const QList<PageInfo>& pages() const { return pages_; }

  private:
    QList<PageInfo> pages_;
};

} // namespace fulgurite
