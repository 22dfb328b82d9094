// SPDX-License-Identifier: GPL-3.0-or-later
// Titles, labels and lengths of all documents of a collection, read page by page and kept in memory: what lists,
// maps and tables name documents with. About 100 bytes for each.
#pragma once

#include "core/client/retrieval_types.h"

#include <QObject>
#include <QString>

#include <functional>
#include <memory>
#include <vector>

namespace fulgurite {

// Columns of equal length; grown on a worker, never changed once shown.
struct DocumentTexts {
    std::vector<QString> titles;
    std::vector<QString> labels;
    std::vector<int> characters;
    std::size_t size() const { return titles.size(); }
};

class DocumentStore : public QObject {
    Q_OBJECT

  public:
    using QObject::QObject;

    // Of another collection, or of another revision of it: `total` documents, none of them known yet.
    void reset(std::size_t total);
    // Takes a page that follows what is there; others are dropped. The work is done on a worker.
    void append(std::shared_ptr<const client::DocumentColumns> page);

    std::size_t total() const { return total_; }
    const std::shared_ptr<const DocumentTexts>& texts() const { return texts_; }
    bool complete() const { return texts_->size() == total_; }
    QString title(std::int32_t document) const; // "Document 18" while it is not read
    QString label(std::int32_t document) const; // empty: none

    // The documents whose title or label contains every word of `words`, in their order; found on a worker. Of
    // several questions only the last is answered.
    void find(const QString& words, std::function<void(std::vector<std::int32_t>)> found);

  signals:
    void changed(); // there are more, or other ones

  private:
    std::size_t total_ = 0;
    std::shared_ptr<const DocumentTexts> texts_ = std::make_shared<DocumentTexts>();
    quint64 generation_ = 0;
    quint64 asked_ = 0;
};

} // namespace fulgurite
