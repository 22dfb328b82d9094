// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/retrieve/collection_dialog.h"

#include "ui/base/format.h"
#include "ui/retrieve/embedder_panel.h"

#include <QComboBox>
#include <QDialogButtonBox>
#include <QFileDialog>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSpinBox>
#include <QVBoxLayout>

#include <algorithm>

namespace fulgurite {
namespace {

constexpr int kMostChunkTokens = 8192;
constexpr int kChunkStep = 64;
constexpr int kFolderCharacters = 34; // in sight

// Of one chunk of text in the files: vectors and their lengths in every space, and scales where they are integers.
qint64 bytesOfChunk(const client::EmbedderInfo& embedder, std::size_t layers, const QString& dtype) {
    const bool integers = dtype == QStringLiteral("int8");
    const std::size_t width = integers ? 1 : dtype == QStringLiteral("f16") ? 2 : 4;
    const bool split = embedder.heads > 0 && embedder.standard_width % embedder.heads == 0;
    const std::size_t numbers =
        embedder.standard_width * (split ? 2 : 1) + layers * embedder.heads * embedder.head_width;
    const std::size_t vectors = 1 + (split ? embedder.heads : 0) + layers * embedder.heads;
    return static_cast<qint64>(numbers * width + vectors * sizeof(float) * (integers ? 2 : 1));
}

} // namespace

CollectionDialog::CollectionDialog(const QString& name, QWidget* parent)
    : QDialog(parent),
      name_(new QLineEdit(name)),
      embedder_(new QComboBox),
      folder_(new QLineEdit),
      layers_(new QComboBox),
      place_(new QComboBox),
      dtype_(new QComboBox),
      chunk_(new QSpinBox),
      note_(new QLabel),
      buttons_(new QDialogButtonBox(QDialogButtonBox::Ok | QDialogButtonBox::Cancel)) {
    setWindowTitle(tr("New collection"));
    layers_->addItem(tr("the last layer"), false);
    layers_->addItem(tr("every layer"), true);
    for (const char* place : {"projection", "core"}) {
        place_->addItem(placeTitle(place), QLatin1String(place));
    }
    dtype_->addItem(tr("float32"), QStringLiteral("f32"));
    dtype_->addItem(tr("float16, half the size"), QStringLiteral("f16"));
    dtype_->addItem(tr("int8, a quarter"), QStringLiteral("int8"));
    chunk_->setRange(0, kMostChunkTokens);
    chunk_->setSingleStep(kChunkStep);
    chunk_->setSpecialValueText(tr("cut at the embedder's limit"));
    chunk_->setSuffix(tr(" tokens a chunk"));
    chunk_->setToolTip(tr("A document in chunks is as near as its nearest chunk. 0 embeds its beginning only."));
    note_->setProperty("tone", "small");
    note_->setWordWrap(true);
    auto* form = new QFormLayout;
    form->addRow(tr("&Name"), name_);
    form->addRow(tr("&Embedder"), embedder_);
    auto* folder = new QLabel(tr("or a &folder"));
    folder->setBuddy(folder_);
    form->addRow(folder, folderRow());
    form->addRow(tr("&Heads of"), layers_);
    form->addRow(tr("&Take"), place_);
    form->addRow(tr("&Stored as"), dtype_);
    form->addRow(tr("&Long documents"), chunk_);
    auto* column = new QVBoxLayout(this);
    column->addLayout(form);
    column->addWidget(note_);
    column->addWidget(buttons_);
    connect(buttons_, &QDialogButtonBox::accepted, this, &QDialog::accept);
    connect(buttons_, &QDialogButtonBox::rejected, this, &QDialog::reject);
    connect(name_, &QLineEdit::textChanged, this, &CollectionDialog::describe);
    for (QComboBox* box : {embedder_, layers_, place_, dtype_}) {
        connect(box, &QComboBox::currentIndexChanged, this, &CollectionDialog::describe);
    }
    describe();
}

QLayout* CollectionDialog::folderRow() {
    folder_->setPlaceholderText(tr("path on the engine's machine"));
    folder_->setMinimumWidth(QFontMetrics(font()).averageCharWidth() * kFolderCharacters);
    folder_->setAccessibleName(tr("Folder of an encoder"));
    auto* browse = new QPushButton(tr("&Choose…"));
    browse->setAutoDefault(false);
    auto* row = new QHBoxLayout;
    row->addWidget(folder_, 1);
    row->addWidget(browse);
    connect(folder_, &QLineEdit::textEdited, this, &CollectionDialog::describe);
    connect(folder_, &QLineEdit::editingFinished, this, &CollectionDialog::lookAtFolder);
    connect(browse, &QPushButton::clicked, this, [this] {
        const QString folder = QFileDialog::getExistingDirectory(this, tr("Folder of an encoder"), folder_->text());
        if (!folder.isEmpty()) {
            folder_->setText(folder);
            lookAtFolder();
        }
    });
    return row;
}

void CollectionDialog::lookAtFolder() {
    const QString folder = folder_->text().trimmed();
    if (folder.isEmpty()) {
        return describe();
    }
    const int known = embedder_->findData(folder);
    if (known >= 0 && embedders_[static_cast<std::size_t>(known)].problem.empty()) {
        embedder_->setCurrentIndex(known);
        return describe();
    }
    emit folderWanted(folder);
    describe();
}

void CollectionDialog::addEmbedder(const client::EmbedderInfo& embedder) {
    const QString id = QString::fromStdString(embedder.id);
    int at = embedder_->findData(id);
    if (at < 0) {
        embedders_.push_back(embedder);
        embedder_->addItem(QString::fromStdString(embedder.name), id);
        at = embedder_->count() - 1;
    }
    embedders_[static_cast<std::size_t>(at)] = embedder; // it may have been mended since
    embedder_->setCurrentIndex(at);
    describe();
}

void CollectionDialog::setEmbedders(const std::vector<client::EmbedderInfo>& embedders) {
    embedders_ = embedders;
    embedder_->clear();
    for (const client::EmbedderInfo& each : embedders_) {
        embedder_->addItem(QString::fromStdString(each.name), QString::fromStdString(each.id));
    }
    describe();
}

const client::EmbedderInfo* CollectionDialog::embedder() const {
    const int index = embedder_->currentIndex();
    return index >= 0 && index < static_cast<int>(embedders_.size()) ? &embedders_[static_cast<std::size_t>(index)]
                                                                     : nullptr;
}

QString CollectionDialog::problem() const {
    if (name_->text().trimmed().isEmpty()) {
        return tr("A collection needs a name.");
    }
    const QString folder = folder_->text().trimmed();
    if (!folder.isEmpty() && embedder_->findData(folder) < 0) {
        return tr("Press Enter: the engine looks at the folder then.");
    }
    const client::EmbedderInfo* chosen = embedder();
    if (chosen == nullptr) {
        return tr("Asking the engine which embedders it has…");
    }
    return QString::fromStdString(chosen->problem);
}

void CollectionDialog::describe() {
    const QString reason = problem();
    buttons_->button(QDialogButtonBox::Ok)->setEnabled(reason.isEmpty());
    if (!reason.isEmpty()) {
        note_->setText(reason);
        return;
    }
    const client::EmbedderInfo& chosen = *embedder();
    const bool lightning =
        std::find(chosen.layer_kinds.begin(), chosen.layer_kinds.end(), "lightning") != chosen.layer_kinds.end();
    place_->setEnabled(lightning);
    const auto layers = layers_->currentData().toBool() ? chosen.layer_kinds.size() : std::size_t{1};
    note_->setText(tr("%1 heads of %2 in each layer; %3 of vectors for each chunk of text.")
                       .arg(chosen.heads)
                       .arg(chosen.head_width)
                       .arg(bytesText(bytesOfChunk(chosen, layers, dtype_->currentData().toString()))));
}

client::NewCollection CollectionDialog::wanted() const {
    client::NewCollection wanted;
    wanted.name = name_->text().trimmed().toStdString();
    const client::EmbedderInfo* chosen = embedder();
    if (chosen == nullptr) {
        return wanted;
    }
    wanted.embedder = chosen->id;
    wanted.chunk_tokens = static_cast<std::size_t>(chunk_->value());
    const int layers = static_cast<int>(chosen->layer_kinds.size());
    const std::string place = place_->isEnabled() ? place_->currentData().toString().toStdString() : "projection";
    for (int layer = layers_->currentData().toBool() ? 0 : layers - 1; layer < layers; ++layer) {
        wanted.stored.push_back({layer, place, dtype_->currentData().toString().toStdString()});
    }
    std::reverse(wanted.stored.begin(), wanted.stored.end()); // the last layer is what searches begin with
    return wanted;
}

} // namespace fulgurite
