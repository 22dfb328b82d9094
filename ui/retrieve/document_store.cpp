// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/retrieve/document_store.h"

#include "ui/base/background.h"

#include <algorithm>

namespace fulgurite {
namespace {

QString fromUtf8(const std::string& text) {
    return QString::fromUtf8(text.data(), static_cast<qsizetype>(text.size()));
}

std::shared_ptr<const DocumentTexts> joined(const DocumentTexts& before, const client::DocumentColumns& page) {
    auto texts = std::make_shared<DocumentTexts>(before); // strings are shared, not copied
    for (std::size_t i = 0; i < page.titles.size(); ++i) {
        texts->titles.push_back(fromUtf8(page.titles[i]));
        texts->labels.push_back(fromUtf8(page.labels[i]));
        texts->characters.push_back(static_cast<int>(page.characters[i]));
    }
    return texts;
}

std::vector<std::int32_t> matching(const DocumentTexts& texts, const QStringList& words) {
    std::vector<std::int32_t> found;
    for (std::size_t i = 0; i < texts.size(); ++i) {
        const bool all = std::all_of(words.begin(), words.end(), [&](const QString& word) {
            return texts.titles[i].contains(word, Qt::CaseInsensitive) ||
                   texts.labels[i].contains(word, Qt::CaseInsensitive);
        });
        if (all) {
            found.push_back(static_cast<std::int32_t>(i));
        }
    }
    return found;
}

} // namespace

void DocumentStore::reset(std::size_t total) {
    ++generation_;
    total_ = total;
    texts_ = std::make_shared<DocumentTexts>();
    emit changed();
}

void DocumentStore::append(std::shared_ptr<const client::DocumentColumns> page) {
    if (page->first != texts_->size()) {
        return;
    }
    inBackground(
        this, [before = texts_, page] { return joined(*before, *page); },
        [this, mine = generation_](std::shared_ptr<const DocumentTexts> texts) {
            if (mine == generation_) {
                texts_ = std::move(texts);
                emit changed();
            }
        });
}

QString DocumentStore::title(std::int32_t document) const {
    const auto at = static_cast<std::size_t>(document);
    return document >= 0 && at < texts_->size() ? texts_->titles[at] : tr("Document %1").arg(document + 1);
}

QString DocumentStore::label(std::int32_t document) const {
    const auto at = static_cast<std::size_t>(document);
    return document >= 0 && at < texts_->size() ? texts_->labels[at] : QString();
}

void DocumentStore::find(const QString& words, std::function<void(std::vector<std::int32_t>)> found) {
    const quint64 mine = ++asked_;
    const QStringList parts = words.split(u' ', Qt::SkipEmptyParts);
    inBackground(
        this, [texts = texts_, parts] { return matching(*texts, parts); },
        [this, mine, found = std::move(found)](std::vector<std::int32_t> documents) {
            if (mine == asked_) {
                found(std::move(documents));
            }
        });
}

} // namespace fulgurite
